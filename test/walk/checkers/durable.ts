import type { SessionEvent } from "../../../src/core/event.ts";
import type { Evidence, Session, SessionRecord } from "../../../src/core/session.ts";
import { agesFrom } from "../judging/evidence-rules.ts";
import { same } from "../judging/same.ts";
import { type Change, isOfCommand, type Taken } from "../judging/taken.ts";

type GapTaken = Extract<SessionEvent, { kind: "GapTaken" }>;

/**
 * What was shown survives a crash. A gap (restart, store outage, stalled loop) renegotiates,
 * abandons, shortens and ends nothing by itself. What it hides is given back.
 */
export function checkDurable({ context }: Taken, changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ before, event, after }, index) => {
    if (event.kind === "IncarnationChanged") return lossFaults(before, after);
    if (event.kind !== "GapTaken" || before?.kind !== "attached") return [];
    if (after?.kind !== "attached") return ["a gap detached the session"];
    const absence = context.gaps.some(
      (gap) => gap.number === event.number && gap.kind === "absence",
    );
    const later = changes.slice(index + 1);
    const asked = later.findIndex((change) => isOfCommand(change.event));
    const by = (asked < 0 ? later : later.slice(0, asked))
      .filter((change) => change.event.at <= event.until && !isHarmless(change.event))
      .map((change) => `${change.event.kind} came of a gap`);
    return [...by, ...leaseFaults(before, event, after, absence), ...moved(before, event, after)];
  });
}

/** What is left of an incarnation goes on as it is, but for what it counts. */
function lossFaults(before: SessionRecord | undefined, after: SessionRecord | undefined): string[] {
  return same(uncounted(before), uncounted(after))
    ? []
    : ["a lost incarnation changed the session"];
}

function uncounted(record: SessionRecord | undefined): unknown {
  if (record === undefined) return undefined;
  const none = { revision: 0, version: 0, incarnation: 0 };
  const leases = { ...record.leases, epoch: 0, version: 0 };
  if (record.kind === "detached") return { ...record, ...none, leases, generationFloor: 0 };
  return { ...record, ...none, leases, transport: { ...record.transport, generationFloor: 0 } };
}

function leaseFaults(
  before: Session,
  gap: GapTaken,
  after: Session,
  isAbsence: boolean,
): readonly string[] {
  const length = gap.until - gap.from;
  return before.leases.live.flatMap((lease) => {
    if (lease.expiresAt <= gap.from) return [`${lease.id} had passed and was kept`];
    const least = Math.max(lease.expiresAt + length, isAbsence ? gap.until + lease.ttlMs : 0);
    const later = after.leases.live.find((live) => live.id === lease.id);
    return later && later.expiresAt >= least ? [] : [`${lease.id} lost time by a gap`];
  });
}

/** Every deadline that had not passed when the gap began has moved by its length. */
function moved(before: Session, { from, until }: GapTaken, after: Session): readonly string[] {
  const was = deadlinesOf(before);
  const is = new Map(deadlinesOf(after));
  const faults = was
    .filter(([name, at]) => {
      const later = is.get(name) ?? 0;
      return at > from ? later !== at + until - from : later > until;
    })
    .map(([name]) => `a gap did not move ${name} by its length`);
  return [...faults, ...aged(before, { from, until }, after)];
}

/** What was heard before a gap is after it as old as it was: no older, and no fresher. */
function aged(
  before: Session,
  { from, until }: { readonly from: number; readonly until: number },
  after: Session,
): readonly string[] {
  const is = new Map(receivedIn(after));
  return receivedIn(before)
    .filter(([name, at]) => is.get(name) !== (at <= from ? at + until - from : Math.max(at, until)))
    .map(([name]) => `a gap made what is known of ${name} older or fresher`);
}

/** From when each thing ages that the ends said, or did not say. */
function receivedIn({ transport }: Session): readonly (readonly [string, number])[] {
  const { path, abandoned, unrecognised, hostReportedAt } = transport;
  const current = path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
  const next = path.kind === "negotiating" || path.kind === "replacing" ? [path.next] : [];
  const witnessed = [...(current ? [current] : []), ...next, ...abandoned, ...unrecognised];
  const moments: (readonly [string, number | undefined])[] = [
    ["the host", hostReportedAt],
    ["the promotion", current && agesFrom(current)],
    ["good evidence", current?.goodSince],
    ...witnessed.flatMap(({ id, manager, host }) => [
      ...momentsOf(`${id} by the manager`, manager),
      ...momentsOf(`${id} by the host`, host),
    ]),
  ];
  return moments.flatMap(([name, at]) => (at === undefined ? [] : [[name, at] as const]));
}

function momentsOf(
  name: string,
  end: Evidence | undefined,
): readonly (readonly [string, number | undefined])[] {
  if (end === undefined) return [];
  const ready = end.readyReports.map((said) => [`${name} as ${said.reporterId}`, said.at] as const);
  return [[name, agesFrom(end)], [`${name} as none`, end.noConnection?.at], ...ready];
}

function deadlinesOf({ transport }: Session): readonly (readonly [string, number])[] {
  const { path, lingering, abandoned, recoveries, replacements } = transport;
  const all: (readonly [string, number])[] = abandoned.map((one) => [one.id, one.honouredUntil]);
  if (path.kind === "negotiating" || path.kind === "replacing") {
    all.push([path.next.id, path.next.confirmBy]);
  }
  if (lingering) all.push([lingering.id, lingering.honouredUntil]);
  all.push(["recoveries", recoveries.notBefore], ["replacements", replacements.notBefore]);
  return all;
}

/** Another gap is looked at by itself; a touch only notes that somebody watches. */
function isHarmless({ kind }: SessionEvent): boolean {
  return kind === "GapTaken" || kind === "SessionTouched";
}
