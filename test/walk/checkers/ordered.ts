import type { Change, Taken } from "../judging/taken.ts";

/** Revision, version and lease version only rise; the last with grants, ends and a lost incarnation. */
export function checkOrdered(_: Taken, changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ before, event, after }) => {
    if (before === undefined || after === undefined) return [];
    const faults: string[] = [];
    if (after.revision <= before.revision) {
      faults.push(`${event.kind} does not raise the revision`);
    }
    if (after.version < before.version) faults.push(`${event.kind} lowers the version`);
    const moved = after.leases.version - before.leases.version;
    const concerns = ["LeaseGranted", "LeaseEnded", "IncarnationChanged"].includes(event.kind);
    if (moved < 0 || concerns !== moved > 0)
      faults.push(`${event.kind}: lease version by ${moved}`);
    return faults;
  });
}
