import type { BeachId, SessionId } from "../../../core/ids.ts";
import type { Session, SessionRecord } from "../../../core/session.ts";
import { nextOf } from "../../../core/view.ts";
import {
  addCounts,
  countsOf,
  type FleetCounts,
  isSameCount,
  nothingCounted,
} from "../../../service/figures/fleet-counts.ts";
import type { SessionChange } from "../../../service/session-store.ts";
import type { BucketKeys } from "./redis-keys.ts";

/** A Redis command: its name, its key, the rest. */
export type Edit = readonly [command: string, key: string, ...rest: readonly string[]];

/**
 * What a change does to everything of its bucket that is not the session itself; empty for the
 * change that is made most often, a renewal.
 */
export function editsOf(
  keys: BucketKeys,
  change: Pick<SessionChange, "id" | "previous" | "next">,
): readonly Edit[] {
  const { id, previous, next } = change;
  return [
    ...countEdits(keys, attachedOf(previous), attachedOf(next)),
    ...negotiationEdits(keys, change),
    ...indexEdits(keys, id, { from: beachOf(previous), to: beachOf(next) }),
    ...lifeEdits(keys.session(id), previous, next),
  ];
}

function attachedOf(record: SessionRecord | undefined): Session | undefined {
  return record?.kind === "attached" ? record : undefined;
}

function beachOf(record: SessionRecord | undefined): BeachId | undefined {
  return attachedOf(record)?.beachId;
}

function indexEdits(
  keys: BucketKeys,
  id: SessionId,
  { from, to }: { readonly from: BeachId | undefined; readonly to: BeachId | undefined },
): readonly Edit[] {
  if (from === to) return [];
  const edits: Edit[] = [];
  if (from !== undefined) edits.push(["ZREM", keys.sessionsOf(from), id]);
  if (to !== undefined) edits.push(["ZADD", keys.sessionsOf(to), "0", id]);
  if (to === undefined) edits.push(["ZREM", keys.sessions, id]);
  if (from === undefined) edits.push(["ZADD", keys.sessions, "0", id]);
  return edits;
}

function countEdits(
  keys: BucketKeys,
  previous: Session | undefined,
  next: Session | undefined,
): readonly Edit[] {
  if (previous !== undefined && next !== undefined && isSameCount(previous, next)) return [];
  const change = addCounts(countsOf(next), countsOf(previous), -1);
  const fleet = countUp(keys.counts, change);
  if (previous?.beachId === next?.beachId) return [...fleet, ...ofBeach(keys, next, change)];
  const less = addCounts(nothingCounted, countsOf(previous), -1);
  return [...fleet, ...ofBeach(keys, previous, less), ...ofBeach(keys, next, countsOf(next))];
}

function ofBeach(
  keys: BucketKeys,
  session: Session | undefined,
  change: FleetCounts,
): readonly Edit[] {
  return session === undefined ? [] : countUp(keys.countsOf(session.beachId), change);
}

function countUp(key: string, change: FleetCounts): readonly Edit[] {
  return Object.entries(change)
    .filter(([, by]) => by !== 0)
    .map(([name, by]): Edit => ["HINCRBY", key, name, String(by)]);
}

function negotiationEdits(
  keys: BucketKeys,
  change: Pick<SessionChange, "previous" | "next">,
): readonly Edit[] {
  return negotiationCounts(change).map(([managerUrl, by]): Edit => {
    return ["HINCRBY", keys.negotiations, managerUrl, String(by)];
  });
}

/** By how much the handshakes in flight towards which managers change. */
export function negotiationCounts({
  previous,
  next,
}: Pick<SessionChange, "previous" | "next">): readonly (readonly [
  managerUrl: string,
  by: number,
])[] {
  const from = inFlight(previous);
  const to = inFlight(next);
  if (from === to) return [];
  const counts: (readonly [string, number])[] = [];
  if (from !== undefined) counts.push([from, -1]);
  if (to !== undefined) counts.push([to, 1]);
  return counts;
}

function inFlight(record: SessionRecord | undefined): string | undefined {
  const session = attachedOf(record);
  return session && nextOf(session.transport.path)?.managerUrl;
}

/** Earlier versions gave tombstones a time to live. */
function lifeEdits(
  key: string,
  previous: SessionRecord | undefined,
  next: SessionRecord | undefined,
): readonly Edit[] {
  return previous?.kind === "detached" && next !== undefined ? [["PERSIST", key]] : [];
}
