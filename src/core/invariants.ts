import type { Session, SessionRecord, Witnessed } from "./session.ts";
import { currentOf, nextOf } from "./view.ts";

/**
 * What must hold of every record after every event; a sentence for each rule that is broken. A
 * broken rule is a bug of the core, never a fault of a caller.
 */
export function faultsOf(record: SessionRecord): readonly string[] {
  if (record.kind === "detached") {
    return record.leases.live.length > 0 ? ["a detached session has a live lease"] : [];
  }
  return [...leaseFaults(record), ...handshakeFaults(record), ...boundFaults(record)];
}

/** Throws when a record breaks an invariant. */
export function assertSession(record: SessionRecord): void {
  const faults = faultsOf(record);
  if (faults.length > 0) throw new Error(`Session "${record.id}": ${faults.join("; ")}`);
}

function leaseFaults({ leases }: Session): string[] {
  const { live, epoch } = leases;
  const rules: readonly (readonly [boolean, string])[] = [
    [isUnique(live.map((lease) => lease.id)), "two live leases share an id"],
    [
      isUnique(live.map((lease) => JSON.stringify([lease.account, lease.reason]))),
      "two live leases share account and reason",
    ],
    [isUnique(live.map((lease) => lease.epoch)), "two live leases share an epoch"],
    [live.every((lease) => lease.epoch <= epoch), "a lease is ahead of the session's epoch"],
    [isUnique(live.flatMap((lease) => lease.tokenHashes)), "two live leases share a token"],
  ];
  return broken(rules);
}

function handshakeFaults({ transport }: Session): string[] {
  const { path, abandoned, lingering, strangers, generation, settled } = transport;
  const current = currentOf(path);
  const next = nextOf(path);
  const held: readonly (Pick<Witnessed, "id"> | undefined)[] = [
    current,
    next,
    lingering,
    ...abandoned,
    ...strangers,
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

function boundFaults({ leases, transport }: Session): string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [leases.ended.length <= 64, "too many ended leases are remembered"],
    [leases.holds.length <= 128, "too many holds stand"],
    [transport.abandoned.length <= 3, "too many abandoned handshakes are kept"],
    [transport.strangers.length <= 2, "too many strangers are kept"],
    [transport.reporters.length <= 8, "too many reporters are remembered"],
  ];
  return broken(rules);
}

function broken(rules: readonly (readonly [boolean, string])[]): string[] {
  return rules.filter(([holds]) => !holds).map(([, sentence]) => sentence);
}

function isUnique(values: readonly (string | number)[]): boolean {
  return new Set(values).size === values.length;
}
