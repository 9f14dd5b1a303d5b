import type { SessionRecord } from "./session-record.ts";
import { healthOf, isUsable, type Path, pathOf } from "./timeline.ts";

/** What a session needs from an operator: the first that holds. */
export type Concern = "fallback" | "unsteady" | "pending" | "replacing" | "none";

/** Which sessions are listed. */
export type Filter = "all" | Path | "unsteady";

export type Order = "name" | "concern" | "change";

export interface Selection {
  readonly filter: Filter;
  readonly order: Order;
  /** In a session's id, or in the account or reason of one of its leases. */
  readonly text: string;
}

export const everything: Selection = { filter: "all", order: "name", text: "" };

const concerns: readonly Concern[] = ["fallback", "unsteady", "pending", "replacing", "none"];

function concernOf({ transport }: SessionRecord): Concern {
  const path = pathOf(transport);
  if (path === "http_fallback") return "fallback";
  if (isUnsteady(transport)) return "unsteady";
  if (path === "pending") return "pending";
  return transport.negotiation === undefined ? "none" : "replacing";
}

/** The sessions to show, in order. */
export function select(
  sessions: ReadonlyMap<string, SessionRecord>,
  { filter, order, text }: Selection,
): readonly SessionRecord[] {
  const wanted = text.trim().toLowerCase();
  return [...sessions.values()]
    .filter((record) => isIn(record, filter) && hasText(record, wanted))
    .sort(orders[order]);
}

/** How many sessions each filter would show. */
export function countFor(
  sessions: ReadonlyMap<string, SessionRecord>,
): Readonly<Record<Filter, number>> {
  const counts = { all: 0, pending: 0, fast_path: 0, http_fallback: 0, unsteady: 0 };
  for (const record of sessions.values()) {
    counts.all += 1;
    counts[pathOf(record.transport)] += 1;
    if (isUnsteady(record.transport)) counts.unsteady += 1;
  }
  return counts;
}

const byName = (a: SessionRecord, b: SessionRecord): number =>
  a.sessionId.localeCompare(b.sessionId, "en", { numeric: true });

const orders: Readonly<Record<Order, (a: SessionRecord, b: SessionRecord) => number>> = {
  name: byName,
  concern: (a, b) =>
    concerns.indexOf(concernOf(a)) - concerns.indexOf(concernOf(b)) || byName(a, b),
  change: (a, b) => lastChangeOf(b) - lastChangeOf(a) || byName(a, b),
};

function lastChangeOf({ transport: { lastChangeAt } }: SessionRecord): number {
  return Number(lastChangeAt?.seconds ?? 0n);
}

function isUnsteady(transport: SessionRecord["transport"]): boolean {
  const health = healthOf(transport);
  return health !== undefined && isUsable(health) && health !== "healthy";
}

function isIn({ transport }: SessionRecord, filter: Filter): boolean {
  if (filter === "all") return true;
  return filter === "unsteady" ? isUnsteady(transport) : pathOf(transport) === filter;
}

function hasText({ sessionId, leases = [] }: SessionRecord, wanted: string): boolean {
  if (wanted === "") return true;
  const texts = [sessionId, ...leases.flatMap(({ accountId, reason }) => [accountId, reason])];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}
