import type { Change, Taken } from "../judging/taken.ts";

/** While a hold of a revocation stands, nobody whom it covers acquires anew. */
export function checkStopped(_: Taken, changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ before, event }) => {
    if (event.kind !== "LeaseGranted" || before === undefined) return [];
    const { account, reason } = event.lease;
    const covers = before.leases.holds.some(
      (hold) =>
        hold.until > event.at &&
        (hold.kind === "session" || (hold.account === account && hold.reason === reason)),
    );
    return covers ? [`${event.lease.id} was granted under a hold`] : [];
  });
}
