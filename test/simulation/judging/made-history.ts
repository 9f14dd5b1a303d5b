import { defaultPolicy } from "../../../src/core/policy.ts";
import type { Answer, Ask } from "../seen/ask.ts";
import type { LeaseSeen, TransportSeen } from "../seen/seen.ts";
import type { Message, Opened, Received, Sight, Trouble } from "../seen/sight.ts";
import { breachesOf, type NamedBreach } from "./all-checkers.ts";
import { type Knowledge, knownAtTheDoor, witnessOf } from "./witness.ts";

export const sessionId = "s1";
/** Late enough that nothing lies before the beginning of time. */
export const start = 10_000_000;

type Report = Extract<Ask, { kind: "Report" }>;

export const report: Report = {
  kind: "Report",
  end: "manager",
  handshakeId: "h1",
  transportId: "peer-1",
  connection: "connected",
  readyChannels: ["mgr-actions"],
  openingChannels: [],
  oldestUnackedMs: 0,
  reporterId: "manager-1",
  sequence: 1,
  observedAgeMs: 0,
  generation: 1,
};

/** A session on a healthy fast path. */
export const onFastPath: TransportSeen = {
  version: 10,
  path: "fast_path",
  health: "healthy",
  generation: 1,
  handshakeId: "h1",
  promotedAt: start,
  ends: [
    {
      end: "manager",
      transportId: "peer-1",
      connection: "connected",
      readyChannels: ["mgr-actions"],
    },
  ],
  negotiation: undefined,
  lingering: undefined,
  nextNegotiationAt: undefined,
  change: "promoted",
  changeReason: "confirmed",
  changeAt: start,
  liveLeases: 1,
  leaseVersion: 1,
};

export const negotiation: NonNullable<TransportSeen["negotiation"]> = {
  handshakeId: "h2",
  attempt: 1,
  startedAt: start,
  confirmBy: start + 15_000,
  managerUrl: "http://127.0.0.1:8080",
};

export const lease: LeaseSeen = {
  id: "lease-1",
  account: "a",
  reason: "r",
  epoch: 1,
  token: "token-1",
  ttlMs: 30_000,
  remainingMs: 30_000,
};

export const acquire: Ask = {
  kind: "Acquire",
  account: "a",
  reason: "r",
  ttlMs: undefined,
  attach: undefined,
};
export const renew: Ask = { kind: "Renew", token: "token-1", ttlMs: undefined, leaseOnly: false };

interface When {
  /** How long after the sight before. */
  readonly afterMs?: number;
  readonly era?: number;
}

/** What is known when it is over. */
interface End {
  readonly knowledge?: Knowledge;
  readonly up?: readonly string[];
  readonly settledAfterMs?: number;
}

/** A history made by hand, sight by sight, of a service that is seen at its door. */
export class MadeHistory {
  readonly #sights: Sight[] = [];
  #at = start;
  #streams = 0;
  #asks = 0;

  /** Somebody asked, and was answered at once. */
  asked(ask: Ask, answer: Answer, when: When = {}): this {
    const stamp = this.#stamp(when);
    const askId = ++this.#asks;
    const about = { askId, by: "client", sessionId, ask };
    this.#sights.push({ kind: "asked", ...stamp, ...about, mayComeAgain: false });
    this.#sights.push({
      kind: "answered",
      ...stamp,
      ...about,
      serial: stamp.serial + 1,
      sentAt: stamp.at,
      answer,
    });
    return this;
  }

  opened(opening: Partial<Opened> = {}, when: When = {}): this {
    this.#streams += 1;
    this.#sights.push({
      kind: "opened",
      ...this.#stamp(when),
      stream: this.#streams,
      by: "reader",
      sessionIds: [sessionId],
      known: new Map(),
      isFast: true,
      ...opening,
    });
    return this;
  }

  /** On the stream that was opened last. */
  received(message: Message, when: When = {}, received: Partial<Received> = {}): this {
    const readySince = this.#at;
    const stamp = this.#stamp(when);
    const stream = this.#streams;
    this.#sights.push({
      kind: "received",
      ...stamp,
      stream,
      by: "reader",
      readySince,
      message,
      ...received,
    });
    return this;
  }

  shown(state: Partial<TransportSeen>, when: When = {}, coalesced = 0): this {
    const message: Message = {
      kind: "state",
      sessionId,
      state: { ...onFastPath, ...state },
      coalesced,
    };
    return this.received(message, when);
  }

  bookmark(when: When = {}): this {
    return this.received({ kind: "bookmark", repeatsEveryMs: 15_000 }, when);
  }

  closed(when: When = {}, isMoreOnItsWay = false): this {
    const { serial, at } = this.#stamp(when);
    this.#sights.push({ kind: "closed", serial, at, stream: this.#streams, isMoreOnItsWay });
    return this;
  }

  trouble(what: Trouble["what"], forMs: number, when: When = {}): this {
    const { serial, at } = this.#stamp(when);
    this.#at += forMs;
    this.#sights.push({ kind: "trouble", serial, what, at, until: this.#at });
    return this;
  }

  /** What every checker says, by the name of its guarantee. */
  breaches(end: End = {}): readonly string[] {
    const { knowledge = knownAtTheDoor, up = ["h1"], settledAfterMs = 0 } = end;
    const all = breachesOf(
      witnessOf({
        sights: this.#sights,
        policy: defaultPolicy,
        knowledge,
        settledAt: this.#at + settledAfterMs,
        sessionIds: [sessionId],
        up,
      }),
    );
    return all.map(({ guarantee, text }: NamedBreach) => `${guarantee}: ${text}`);
  }

  #stamp({ afterMs = 10, era = 0 }: When) {
    this.#at += afterMs;
    const serial = this.#sights.length;
    return { serial, since: this.#at, at: this.#at, serviceNow: this.#at, run: 1, era };
  }
}
