import type { Logger } from "pino";

import {
  TransportChange,
  TransportPath,
  type TransportState,
} from "../../gen/beach/controller/v1/transport_pb.js";
import type { Action, SentCounters } from "../beach/messages.ts";
import { acksLabel, actionsLabel, stateLabel } from "../beach/peer-link.ts";
import type { Move } from "../pong/game.ts";
import type { ActionCarrier } from "./action-carrier.ts";

export interface ActionFlowOptions {
  readonly sessionId: string;
  readonly log: Logger;
  readonly carrierOf: (handshakeId: string) => ActionCarrier | undefined;
  /** What carries the actions from now on: `http`, or a handshake's link. */
  readonly onCarrier: (over: string) => void;
}

/** What the old manager gave a channel to open, and served no poller meanwhile. */
const oldChannelWaitMs = 15_000;
const unackedMax = 5_000;
const pollActionsMax = 500;

/**
 * The actions of one session: numbered, kept until the host acknowledges them, and carried by the
 * promoted link while the service says FAST_PATH, by the host's poller otherwise.
 *
 * Unacknowledged actions go first over the next carrier, so that none is lost; the
 * host ignores what it has applied already.
 */
export class ActionFlow {
  readonly #options: ActionFlowOptions;
  readonly #unacked: Action[] = [];
  #state: TransportState | undefined;
  #promoted: string | undefined;
  #carrier: ActionCarrier | undefined;
  #lastSent = 0;
  #lastAcked = 0;
  #overFastPath = 0;
  #overHttp = 0;
  #fallbacks = 0;
  #waitsForChannelUntil = 0;

  constructor(options: ActionFlowOptions) {
    this.#options = options;
  }

  /** Makes the next action and sends it; makes none while too many wait. Answers its number. */
  produce(move?: Move): number | undefined {
    if (this.#unacked.length >= unackedMax) return undefined;
    this.#lastSent += 1;
    const action = { sequence: this.#lastSent, ...(move === undefined ? {} : { move }) };
    this.#unacked.push(action);
    this.settle();
    if (this.#carrier?.send(action) === true) this.#overFastPath += 1;
    else if (this.servesPollers) this.#overHttp += 1;
    return action.sequence;
  }

  /** False while a fast path carries, or is waited for as the old manager did. */
  get servesPollers(): boolean {
    return this.#carrier === undefined && performance.now() >= this.#waitsForChannelUntil;
  }

  /** Keeps actions for the next channel, as the old manager did once it had asked for one. */
  waitForChannel(): void {
    this.#waitsForChannelUntil = performance.now() + oldChannelWaitMs;
  }

  take(state: TransportState): void {
    const abandoned =
      state.lastChange === TransportChange.NEGOTIATION_ABANDONED &&
      state.version !== this.#state?.version;
    this.#state = state;
    if (state.handshakeId !== "") this.#promoted = state.handshakeId;
    const carried = this.#carrier !== undefined;
    this.settle();
    if (abandoned && !carried && this.#carrier === undefined) this.#warn();
  }

  /** Moves to what may carry now, and sends on it what is not acknowledged yet. */
  settle(): void {
    const carrier = this.#mayCarry();
    if (carrier === this.#carrier) return;
    const fellBack = carrier === undefined;
    this.#carrier = carrier;
    this.#options.onCarrier(carrier?.handshakeId ?? "http");
    if (fellBack) {
      this.#fallbacks += 1;
      this.#warn();
    } else {
      this.#waitsForChannelUntil = 0;
      for (const action of this.#unacked) carrier.send(action);
    }
  }

  /** The host has applied everything up to `sequence`, whichever way it came. */
  acked(sequence: number): void {
    this.#lastAcked = Math.max(this.#lastAcked, sequence);
    while (this.#unacked[0] !== undefined && this.#unacked[0].sequence <= sequence) {
      this.#unacked.shift();
    }
  }

  /** What the host's poller is to apply. */
  pending(after: number): readonly Action[] {
    this.acked(after);
    return this.servesPollers ? this.#unacked.slice(0, pollActionsMax) : [];
  }

  counters(): SentCounters {
    return {
      lastSent: this.#lastSent,
      lastAcked: this.#lastAcked,
      overFastPath: this.#overFastPath,
      overHttp: this.#overHttp,
      fallbacks: this.#fallbacks,
    };
  }

  #mayCarry(): ActionCarrier | undefined {
    const handshakeId = this.#fastPath();
    const carrier = handshakeId === undefined ? undefined : this.#options.carrierOf(handshakeId);
    return carrier?.canSend === true ? carrier : undefined;
  }

  #fastPath(): string | undefined {
    if (this.#state?.path === TransportPath.FAST_PATH) return this.#state.handshakeId;
    // A state that names no handshake comes from a service that lost its store: the link that it
    // named before goes on until it knows better.
    return this.#state?.handshakeId === "" ? this.#promoted : undefined;
  }

  #warn(): void {
    const carrier =
      this.#promoted === undefined ? undefined : this.#options.carrierOf(this.#promoted);
    const missing = warnedChannels.filter(({ label }) => carrier?.link.isReady(label) !== true);
    // Channels that look open and carry nothing are not established either.
    for (const { name } of missing.length > 0 ? missing : warnedChannels) {
      this.#options.log.warn(
        { sessionId: this.#options.sessionId },
        `fast-path ${name} channel not established; continuing with HTTP fallback`,
      );
    }
  }
}

const warnedChannels = [
  { name: "actions", label: actionsLabel },
  { name: "ack", label: acksLabel },
  { name: "state", label: stateLabel },
] as const;
