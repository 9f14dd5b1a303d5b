import type { SessionRecord } from "../../../src/core/session.ts";
import type { Change, Taken } from "../judging/taken.ts";

/** A handshake leaves the record by an event that names it, and none before its time. */
export function checkHonoured({ context }: Taken, changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ before, event, after }) => {
    if (before?.kind !== "attached" || after?.kind !== "attached") return [];
    if (before.transport === after.transport) return [];
    const held = heldBy(after);
    const faults = heldBy(before)
      .filter((id) => !held.includes(id))
      .filter((id) => !(event.kind === "HandshakeRetired" && event.handshakeId === id))
      .map((id) => `${event.kind} dropped ${id}`);
    if (event.kind !== "HandshakeRetired") return faults;
    const { lingering, abandoned } = before.transport;
    const untilOver = [lingering, ...abandoned].find((one) => one?.id === event.handshakeId);
    const over = event.reason === "linger_over" || event.reason === "abandonment_over";
    if (over && untilOver?.honouredUntil !== event.at) faults.push("not retired at its time");
    const room = abandoned.length <= context.policy.abandonedMax;
    if (event.reason === "crowded_out" && room) faults.push("crowded out although there is room");
    return faults;
  });
}

function heldBy(record: Extract<SessionRecord, { kind: "attached" }>): readonly string[] {
  const { path, lingering, abandoned } = record.transport;
  const ids = abandoned.map(({ id }) => id);
  if (lingering) ids.push(lingering.id);
  if (path.kind === "active" || path.kind === "replacing") ids.push(path.current.id);
  if (path.kind === "negotiating" || path.kind === "replacing") ids.push(path.next.id);
  return ids;
}
