import { endedLeasesMax } from "./lease/evolve-leases.ts";
import type { Policy } from "./policy.ts";
import type { Session, SessionRecord, Witnessed } from "./session.ts";
import { reportersOfEndMax, unrecognisedMax } from "./transport/evolve-transport.ts";
import { currentOf, isPathMissed, nextOf } from "./view.ts";

/**
 * What must hold of every record after every event; a sentence for each rule that is broken. A
 * broken rule is a bug of the core, never a fault of a caller.
 */
export function faultsOf(record: SessionRecord, policy: Policy): readonly string[] {
  if (record.kind === "detached") {
    return record.leases.live.length > 0 ? ["a detached session has a live lease"] : [];
  }
  return [
    ...leaseFaults(record),
    ...handshakeFaults(record),
    ...missFaults(record),
    ...boundFaults(record, policy),
  ];
}

/** Throws when a record breaks an invariant. */
export function assertSession(record: SessionRecord, policy: Policy): void {
  const faults = faultsOf(record, policy);
  if (faults.length > 0) throw new Error(`Session "${record.id}": ${faults.join("; ")}`);
}

function leaseFaults({ leases }: Session): string[] {
  const { live, epoch } = leases;
  const rules: readonly (readonly [boolean, string])[] = [
    [isUnique(live.map((lease) => lease.id)), "two live leases share an id"],
    [
      // A reason has no line breaks.
      isUnique(live.map((lease) => `${lease.reason}\n${lease.account}`)),
      "two live leases share account and reason",
    ],
    [isUnique(live.map((lease) => lease.epoch)), "two live leases share an epoch"],
    [live.every((lease) => lease.epoch <= epoch), "a lease is ahead of the session's epoch"],
    [isUnique(live.flatMap((lease) => lease.tokenHashes)), "two live leases share a token"],
  ];
  return broken(rules);
}

function handshakeFaults({ transport }: Session): string[] {
  const { path, abandoned, lingering, unrecognised, generation, settled } = transport;
  const current = currentOf(path);
  const next = nextOf(path);
  const held: readonly (Pick<Witnessed, "id"> | undefined)[] = [
    current,
    next,
    lingering,
    ...abandoned,
    ...unrecognised,
  ];
  const ids = held.filter((one) => one !== undefined).map((one) => one.id);
  const newest = transport.newestHandshakeId;
  const rules: readonly (readonly [boolean, string])[] = [
    [isUnique(ids), "one handshake stands in two places"],
    [current === undefined || generation > 0, "a promoted handshake has no generation"],
    [current === undefined || settled, "a session with a promoted handshake is still pending"],
    [
      next === undefined || newest === next.id,
      "the handshake in flight is not the newest one minted",
    ],
    [lingering === undefined || current !== undefined, "a handshake lingers behind none"],
  ];
  return broken(rules);
}

/** Records of earlier versions do not have it while a path is missed. */
function missFaults(session: Session): string[] {
  const isRight = session.missedSince === undefined || isPathMissed(session);
  return isRight ? [] : ["a path is missed that is usable, or that nobody needs"];
}

function boundFaults({ leases, transport }: Session, policy: Policy): string[] {
  const ofLeases = leases.holds.filter(({ kind }) => kind === "lease").length;
  const rules: readonly (readonly [boolean, string])[] = [
    [leases.live.length <= policy.liveLeasesMax, "too many leases are live"],
    [leases.ended.length <= endedLeasesMax, "too many ended leases are remembered"],
    [ofLeases <= policy.holdsMax, "too many holds on single leases stand"],
    [leases.holds.length - ofLeases <= 1, "two holds on the session stand"],
    [transport.abandoned.length <= policy.abandonedMax, "too many abandoned handshakes are kept"],
    [transport.unrecognised.length <= unrecognisedMax, "too many unrecognised handshakes are kept"],
    [transport.reporters.length <= 2 * reportersOfEndMax, "too many reporters are remembered"],
  ];
  return broken(rules);
}

function broken(rules: readonly (readonly [boolean, string])[]): string[] {
  return rules.filter(([holds]) => !holds).map(([, sentence]) => sentence);
}

function isUnique(values: readonly (string | number)[]): boolean {
  return values.length < 2 || new Set(values).size === values.length;
}
