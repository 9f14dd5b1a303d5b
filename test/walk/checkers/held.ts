import type { Lease } from "../../../src/core/session.ts";
import type { Change, Taken } from "../judging/taken.ts";

/**
 * A lease is live until its `expires_at` (exclusive). Only a renewal, or the grace after a gap,
 * moves it, and only later. Once anything has shown that it ended, it never revives.
 */
export function checkHeld(taken: Taken, changes: readonly Change[]): readonly string[] {
  const faults = changes.flatMap((change) => endedFaults(change, taken));
  const { command, context, decision } = taken;
  for (const lease of decision.session?.leases.live ?? []) {
    if (lease.expiresAt <= context.now) faults.push(`${lease.id} is live after its end`);
  }
  if (decision.kind !== "accepted") return faults;
  if (command.kind === "Renew" || command.kind === "Acquire") {
    const { lease } = decision.answer as { readonly lease: Lease };
    const was = taken.before?.leases.live.find((live) => live.id === lease.id);
    if (lease.expiresAt < context.now + lease.ttlMs) faults.push(`${lease.id} got too little time`);
    if (command.kind === "Renew" && was === undefined) faults.push(`${lease.id} was renewed dead`);
  }
  return faults;
}

function endedFaults({ before, event, after }: Change, { command }: Taken): string[] {
  if (before === undefined || after === undefined) return [];
  if (before.leases === after.leases) return [];
  const faults: string[] = [];
  for (const lease of before.leases.live) {
    const later = after.leases.live.find((live) => live.id === lease.id);
    const ended = event.kind === "LeaseEnded" && event.leaseId === lease.id;
    if ((later === undefined) !== ended) faults.push(`${event.kind} and ${lease.id} disagree`);
    if (ended && event.endedBy === "expired" && event.at !== lease.expiresAt) {
      faults.push(`${lease.id} did not expire at its end`);
    }
    if (later && later.expiresAt < lease.expiresAt) faults.push(`${lease.id} was shortened`);
    const mayMove =
      event.kind === "GapTaken" ||
      (event.kind === "LeaseExtended" && (command.kind === "Renew" || command.kind === "Acquire"));
    if (later && later.expiresAt > lease.expiresAt && !mayMove) {
      faults.push(`${event.kind} by ${command.kind} moved the end of ${lease.id}`);
    }
  }
  for (const lease of after.leases.live) {
    const known = before.leases.live.some((live) => live.id === lease.id);
    if (!known && event.kind !== "LeaseGranted") faults.push(`${lease.id} came from nowhere`);
    const dead = after.leases.ended.some((ended) => ended.id === lease.id);
    if (dead) faults.push(`${lease.id} revived`);
  }
  return faults;
}
