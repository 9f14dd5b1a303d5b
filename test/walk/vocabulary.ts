import type { Attach, Report } from "../../src/core/command.ts";
import { mintHandshakeId } from "../../src/core/ids.ts";
import type { End, Evidence, LeaseBook, Session } from "../../src/core/session.ts";
import { smallPolicy, tickMs } from "./small-policy.ts";

/** The first moment of every walk. */
export const start = 1_700_000_000_000;

/** The two reasons under which leases are taken. */
export type LeaseKey = "tile" | "agent";
const leaseKeys: readonly LeaseKey[] = ["tile", "agent"];

/** What an end can say about a handshake. */
export type Word = "ready" | "actions" | "slow" | "stalled" | "closed" | "none";

const all: readonly string[] = ["mgr-actions", "mgr-acks", "mgr-state"];
const none: readonly string[] = [];
const up = { connection: "connected", readyChannels: all, oldestUnackedMs: 0 } as const;

type Said = Pick<Report, "connection" | "readyChannels" | "oldestUnackedMs">;

const said: Readonly<Record<Word, Said>> = {
  ready: up,
  actions: { ...up, readyChannels: ["mgr-actions"] },
  slow: { ...up, oldestUnackedMs: smallPolicy.acksSlowMs + tickMs },
  stalled: { ...up, oldestUnackedMs: smallPolicy.acksStalledMs + tickMs },
  closed: { connection: "closed", readyChannels: none, oldestUnackedMs: 0 },
  none: { connection: "closed", readyChannels: none, oldestUnackedMs: 0 },
};

/** The letter of the word that a piece of evidence came from. */
export function letterOf({ connection, readyChannels, oldestUnackedMs }: Evidence): string {
  if (connection === "closed") return "c";
  if (readyChannels.length < all.length) return "a";
  if (oldestUnackedMs > smallPolicy.acksStalledMs) return "x";
  return oldestUnackedMs > 0 ? "w" : "o";
}

/** The next report of an end; "none" is said by its other process, which holds no connection. */
export function report(session: Session, end: End, handshakeId: string, word: Word): Report {
  const reporterId = `${end}-${word === "none" ? "second" : "first"}`;
  const last = session.transport.reporters.find(
    (known) => known.end === end && known.id === reporterId,
  );
  return {
    kind: "Report",
    end,
    handshakeId,
    transportId: word === "none" ? "" : `${end} of ${handshakeId}`,
    openingChannels: none,
    reporterId,
    sequence: (last?.sequence ?? 0) + 1,
    observedAgeMs: 0,
    generation: 0,
    ...said[word],
  };
}

export function attach(hostReports: boolean): Attach {
  return {
    kind: "Attach",
    beachId: "beach",
    managerUrl: "http://manager",
    requiredChannels: ["mgr-actions"],
    hostReports,
  };
}

const foreignBits = "fedcba9876543210fed";

/**
 * Ids that the session never started: older than the session, younger than all that a walk starts,
 * one from too far ahead, and one of another kind.
 */
export const foreign: Readonly<Record<"older" | "younger" | "far" | "odd", string>> = {
  older: mintHandshakeId(start - 5 * tickMs, foreignBits, undefined),
  younger: mintHandshakeId(start + 80_000 * tickMs, foreignBits, undefined),
  far: mintHandshakeId(start + 2 ** 40, foreignBits, undefined),
  odd: "from elsewhere",
};

/** What one lease key holds, and how that reads. */
export interface HeldKey {
  readonly key: LeaseKey;
  readonly form: string;
}

/** How long a hold has left; undefined when it is over. */
export type LeftOfHold = (until: number) => number | undefined;

/** The two keys in the order of what they hold: what is called first is first in equal records. */
export function keysOf(
  book: LeaseBook,
  left: (at: number) => number,
  leftOfHold: LeftOfHold = left,
): readonly HeldKey[] {
  const forms = leaseKeys.map((key) => {
    const lease = book.live.find(({ reason }) => reason === key);
    const hold = book.holds.find((held) => held.kind === "lease" && held.reason === key);
    const term = lease ? `${left(lease.expiresAt)}/${lease.ttlMs / tickMs}` : "-";
    return { key, form: `(${term},${(hold && leftOfHold(hold.until)) ?? "-"})` };
  });
  return forms.sort((a, b) => (a.form < b.form ? -1 : a.form > b.form ? 1 : 0));
}
