import { setTimeout as delay } from "node:timers/promises";
import type { Transport } from "@connectrpc/connect";
import type { Logger } from "pino";

import {
  createBackoff,
  HostFollower,
  type PollerDirective,
  type TransportReporter,
} from "../../client/host.ts";
import type { Negotiation } from "../../gen/beach/controller/v1/transport_pb.js";
import type { ParentLine } from "../beach/child.ts";
import type {
  Action,
  ActionRoute,
  Death,
  HostEvent,
  NegotiationManners,
} from "../beach/messages.ts";
import {
  acksLabel,
  actionsLabel,
  channelLabels,
  PeerLink,
  stateLabel,
} from "../beach/peer-link.ts";
import { stateSeen } from "../beach/state-seen.ts";
import { ActionLedger } from "./action-ledger.ts";
import { ActionPoller } from "./action-poller.ts";
import { HostedGame } from "./hosted-game.ts";

export interface HostSessionOptions {
  readonly sessionId: string;
  readonly managerUrl: string;
  readonly transport: Transport;
  readonly reporter: TransportReporter;
  readonly manners: () => NegotiationManners;
  readonly runsGame: boolean;
  readonly line: ParentLine<HostEvent>;
  readonly log: Logger;
}

const pollEveryMs = 200;
const signallingTriesMax = 12;

/** A host's side of one session: follows the service, builds what is offered, applies actions. */
export class HostSession {
  readonly ledger: ActionLedger = new ActionLedger();
  readonly #options: HostSessionOptions;
  readonly #follower: HostFollower;
  readonly #poller: ActionPoller;
  readonly #links = new Map<string, PeerLink>();
  readonly #game: HostedGame | undefined;
  readonly #stop = new AbortController();
  #managerUrl: string;

  constructor(options: HostSessionOptions) {
    const { sessionId } = options;
    this.#options = options;
    this.#managerUrl = options.managerUrl;
    this.#game = options.runsGame ? new HostedGame() : undefined;
    this.#follower = new HostFollower({
      transport: options.transport,
      reporter: options.reporter,
      sessionId,
      onOffer: (offer) => void this.#build(offer),
      onPoller: (directive) => this.#direct(directive),
      onState: (state) => {
        options.line.emit(stateSeen(state));
      },
      onTrouble: (error) =>
        options.log.info({ sessionId, error: String(error) }, "the watch ended; opening another"),
    });
    this.#poller = new ActionPoller({
      url: () => `${this.#managerUrl}/sessions/${sessionId}/actions`,
      after: () => this.ledger.last,
      onAction: (action) => this.#apply(action, "http"),
      onPolled: (signal) => this.#showOverHttp(signal),
      everyMs: pollEveryMs,
    });
  }

  start(): void {
    this.#poller.resume();
    this.#follower.start();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#poller.pause();
    await this.#follower.stop();
    for (const link of this.#links.values()) link.close();
  }

  /** The service says that the handshake is replaced for certain. */
  retire(handshakeId: string): void {
    const link = this.#links.get(handshakeId);
    if (link === undefined) return;
    this.#emitLink(handshakeId, "retired");
    link.close();
  }

  kill(death: Death): void {
    const link = this.#links.get(this.#follower.state?.handshakeId ?? "");
    if (death === "close") link?.close();
    else link?.closeChannel(actionsLabel);
  }

  async #build(offer: Negotiation): Promise<void> {
    const { sessionId, manners, log } = this.#options;
    const { delayMs, withoutChannels, withholdsReady } = manners();
    const { handshakeId } = offer;
    if (offer.managerUrl !== "") this.#managerUrl = offer.managerUrl;
    await delay(delayMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    if (this.#stop.signal.aborted) return;
    const link = new PeerLink({
      sessionId,
      handshakeId,
      withholdsReady,
      onChange: (changed, what) => this.#linkChanged(changed, what),
      onMessage: (from, label, text) => this.#message(from, label, text),
    });
    this.#links.set(handshakeId, link);
    this.#follower.hold(link);
    try {
      const labels = channelLabels.filter((label) => !withoutChannels.includes(label));
      const answer = await this.#signal(handshakeId, await link.offer(labels));
      link.accept(answer);
    } catch (error) {
      log.info({ sessionId, handshakeId, error: String(error) }, "signalling ended; giving up");
      link.close();
    }
  }

  /** Exchanges the offer for the manager's answer; tries again while the manager cannot ask. */
  async #signal(handshakeId: string, sdp: string): Promise<string> {
    const url = `${this.#managerUrl}/sessions/${this.#options.sessionId}/webrtc/offer`;
    const backoff = createBackoff();
    for (let tries = 1; ; tries += 1) {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ handshake_id: handshakeId, sdp }),
        signal: this.#stop.signal,
      }).catch((error: unknown) => error);
      if (answer instanceof Response && answer.ok) {
        return ((await answer.json()) as { sdp: string }).sdp;
      }
      const final = answer instanceof Response && answer.status !== 503;
      if (final || tries === signallingTriesMax || this.#stop.signal.aborted) {
        throw new Error(
          `no answer: ${answer instanceof Response ? answer.status : String(answer)}`,
        );
      }
      await delay(backoff.nextMs(), undefined, { signal: this.#stop.signal });
    }
  }

  #linkChanged(link: PeerLink, what: string): void {
    const { handshakeId } = link;
    this.#emitLink(handshakeId, what);
    if (what === `${actionsLabel} ready`) {
      this.#options.log.info(
        { sessionId: this.#options.sessionId, handshakeId },
        "fast path controller channel ready",
      );
    }
    if (link.isClosed && this.#links.get(handshakeId) === link) this.#links.delete(handshakeId);
    this.#follower.channelIs(handshakeId, !link.isClosed && link.isReady(actionsLabel));
  }

  #message(link: PeerLink, label: string, text: string): void {
    if (label !== actionsLabel) return;
    this.#apply(JSON.parse(text) as Action, "fast_path");
    const { last } = this.ledger;
    link.send(acksLabel, JSON.stringify({ acked: last }));
    if (this.#game !== undefined) link.send(stateLabel, JSON.stringify(this.#game.shown(last)));
  }

  #apply({ sequence, move }: Action, route: ActionRoute): void {
    if (this.ledger.apply(sequence, route) && move !== undefined) this.#game?.apply(move);
  }

  async #showOverHttp(signal: AbortSignal): Promise<void> {
    if (this.#game === undefined) return;
    await fetch(`${this.#managerUrl}/sessions/${this.#options.sessionId}/state`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(this.#game.shown(this.ledger.last)),
      signal,
    });
  }

  #direct(directive: PollerDirective): void {
    const { sessionId, log, line } = this.#options;
    line.emit({ kind: "poller", sessionId, paused: directive.kind === "paused" });
    if (directive.kind === "paused") {
      this.#poller.pause();
      log.debug({ sessionId }, "http action poller paused (fast path active)");
      return;
    }
    this.#poller.resume();
    const because =
      directive.because === "fast_path_inactive"
        ? "fast path inactive"
        : "manager requires HTTP fallback";
    log.debug({ sessionId }, `http action poller resumed (${because})`);
  }

  #emitLink(handshakeId: string, what: string): void {
    this.#options.line.emit({
      kind: "link",
      sessionId: this.#options.sessionId,
      handshakeId,
      what,
    });
  }
}
