import type { nextDeadline } from "../../../src/core/deadlines/deadline.ts";
import type { SessionRecord } from "../../../src/core/session.ts";
import type { Change, Checker, Taken } from "../judging/taken.ts";

/** Events come in the order of their moments, and nothing that is due is left behind. */
export function timelyBy(deadlineOf: typeof nextDeadline): Checker {
  return ({ context, decision }: Taken, changes: readonly Change[]) => {
    const { now, policy } = context;
    const faults = overdue(decision.session, now);
    const due = decision.session && deadlineOf(decision.session, policy);
    if (due !== undefined && due <= now) faults.push(`a deadline is left behind at ${due}`);
    changes.forEach(({ event }, index) => {
      const before = changes[index - 1]?.event;
      // That an incarnation was lost is noticed before all that had happened by then is gone through.
      const earlier = before?.kind === "IncarnationChanged" ? undefined : before;
      if (event.at > now) faults.push(`${event.kind} happened in the future`);
      if (earlier && earlier.at > event.at) {
        faults.push(`${event.kind} happened before ${earlier.kind}, which came first`);
      }
    });
    return faults;
  };
}

/** What stands in the record after its time. */
function overdue(record: SessionRecord | undefined, now: number): string[] {
  if (record?.kind !== "attached") return [];
  const { path, lingering, abandoned } = record.transport;
  const faults: string[] = [];
  if ((path.kind === "negotiating" || path.kind === "replacing") && path.next.confirmBy <= now) {
    faults.push("a negotiation goes on after its deadline");
  }
  if (lingering && lingering.honouredUntil <= now) faults.push("one lingers after its time");
  if (abandoned.some(({ honouredUntil }) => honouredUntil <= now)) {
    faults.push("an abandoned one is honoured after its time");
  }
  return faults;
}
