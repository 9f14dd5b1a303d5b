import type { Logger } from "pino";

import type { ManagerClient } from "../../client/manager.ts";
import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import type { ParentLine } from "../beach/child.ts";
import type { ActionRoute, Death, GameShown, ManagerEvent } from "../beach/messages.ts";
import { acksLabel, actionsLabel, PeerLink, stateLabel } from "../beach/peer-link.ts";
import { stateSeen } from "../beach/state-seen.ts";
import type { Move } from "../pong/game.ts";
import { ActionCarrier } from "./action-carrier.ts";
import { ActionFlow } from "./action-flow.ts";
import { ActionWaits } from "./action-waits.ts";

export interface ManagerSessionOptions {
  readonly sessionId: string;
  readonly client: () => Pick<ManagerClient, "hold" | "changed">;
  readonly line: ParentLine<ManagerEvent>;
  readonly log: Logger;
}

/** The manager's side of one session: its links, and the actions that they carry. */
export class ManagerSession {
  readonly flow: ActionFlow;
  readonly #options: ManagerSessionOptions;
  readonly #carriers = new Map<string, ActionCarrier>();
  readonly #waits = new ActionWaits();
  #promoted = "";

  constructor(options: ManagerSessionOptions) {
    const { sessionId, log, line } = options;
    this.#options = options;
    this.flow = new ActionFlow({
      sessionId,
      log,
      carrierOf: (handshakeId) => this.#carriers.get(handshakeId),
      onCarrier: (over) => line.emit({ kind: "carrier", sessionId, over }),
    });
  }

  take(state: TransportState): void {
    this.#options.line.emit(stateSeen(state));
    this.#promoted = state.handshakeId;
    this.flow.take(state);
  }

  /** Builds a connection for a handshake that is honoured, and answers the host's offer. */
  async answer(handshakeId: string, sdp: string): Promise<string> {
    // A host that offers the same handshake anew has lost its own side of the earlier connection.
    this.#carriers.get(handshakeId)?.link.close();
    const link = new PeerLink({
      sessionId: this.#options.sessionId,
      handshakeId,
      onChange: (changed, what) => this.#linkChanged(changed, what),
      onMessage: (from, label, text) => this.#message(from, label, text),
    });
    const carrier = new ActionCarrier(link);
    this.#carriers.set(handshakeId, carrier);
    this.#options.client().hold(carrier);
    return await link.answer(sdp);
  }

  /** The service says that the handshake is replaced for certain. */
  retire(handshakeId: string): void {
    const carrier = this.#carriers.get(handshakeId);
    if (carrier === undefined) return;
    this.#options.line.emit({
      kind: "link",
      sessionId: this.#options.sessionId,
      handshakeId,
      what: "retired",
    });
    this.#carriers.delete(handshakeId);
    carrier.link.close();
    this.flow.settle();
  }

  kill(death: Death): void {
    const link = this.#carriers.get(this.#promoted)?.link;
    if (death === "close") link?.close();
    else link?.closeChannel(actionsLabel);
  }

  /** Sends a player's move. */
  act(move: Move): void {
    const sentAt = performance.now();
    const sequence = this.flow.produce(move);
    if (sequence !== undefined) this.#waits.sent(sequence, sentAt);
  }

  /** A game came from the host. One over HTTP counts only while pollers are served. */
  shown({ applied, game }: GameShown, over: ActionRoute): void {
    if (over === "http" && !this.flow.servesPollers) return;
    const tookMs = this.#waits.shown(applied, performance.now());
    const { sessionId, line } = this.#options;
    line.show({ kind: "picture", sessionId, over, game, tookMs });
  }

  closeAll(): void {
    for (const carrier of this.#carriers.values()) carrier.link.close();
  }

  #linkChanged(link: PeerLink, what: string): void {
    const { sessionId, handshakeId } = link;
    this.#options.line.emit({ kind: "link", sessionId, handshakeId, what });
    if (link.isClosed && this.#carriers.get(handshakeId)?.link === link) {
      this.#carriers.delete(handshakeId);
    }
    this.#options.client().changed();
    this.flow.settle();
  }

  #message(link: PeerLink, label: string, text: string): void {
    if (label === stateLabel) this.shown(JSON.parse(text) as GameShown, "fast_path");
    if (label !== acksLabel) return;
    const { acked } = JSON.parse(text) as { acked: number };
    this.flow.acked(acked);
    this.#carriers.get(link.handshakeId)?.acked(acked);
  }
}
