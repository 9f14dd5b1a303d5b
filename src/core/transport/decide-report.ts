import type { CheckHandshake, DecisionContext, Report } from "../command.ts";
import { judge } from "../deadlines/decide-time.ts";
import { afterGaps } from "../deadlines/gap.ts";
import type { Decision } from "../decision.ts";
import { accept, apply, type Draft, refuse, sessionOf } from "../draft.ts";
import type { ReceivedEvidence } from "../event.ts";
import { namedGeneration } from "../fence.ts";
import { mayBeAdopted } from "../ids.ts";
import type { Evidence, PromotedHandshake, Reporter, Session, Witnessed } from "../session.ts";
import type { EpochMs } from "../time.ts";
import { currentOf, nextOf } from "../view.ts";
import { agesFrom, differs, type Observed, receive } from "./evidence.ts";
import { isGood, newestOf, verdictAfterReport } from "./health.ts";
import { considerPromotion, heedGeneration, raiseGeneration } from "./promotion.ts";
import { isHonoured, standingOf } from "./standing.ts";

/** Applies the report of one end about one handshake, and everything that follows from it. */
export function decideReport(draft: Draft, report: Report): Decision<Report> {
  if (draft.record?.kind !== "attached") return refuse(draft, { reason: "SESSION_UNKNOWN" });
  const { handshakeId } = report;
  const named = namedGeneration(report.generation, draft.context.now);
  heedGeneration(draft, named);
  if (!isRepeated(draft.record, report)) receiveReport(draft, draft.record, report);
  raiseGeneration(draft, handshakeId, named);
  return accept(draft, { standing: standingOf(sessionOf(draft), handshakeId) });
}

function receiveReport(draft: Draft, session: Session, report: Report): void {
  const at = draft.context.now;
  const { end } = report;
  const observed = observationOf(report, draft.context);
  const received = receivedEvidence(draft, session, { report, observed });
  const reporter = reporterOf(report);
  if (isOldNews(draft, session, { report, received })) {
    // The report takes its place in the order first. Reports sent before it are now too late.
    if (reporter !== undefined) apply(draft, { kind: "ReportPlaced", at, reporter });
    return;
  }
  const { agesFrom } = observed;
  apply(draft, { kind: "ReportReceived", at, end, reporter, agesFrom, received });
  judge(draft, at, verdictAfterReport);
  considerPromotion(draft, at);
}

/** Whether signalling for a handshake may continue: answered from the record, however late. */
export function decideCheckHandshake(
  draft: Draft,
  command: CheckHandshake,
): Decision<CheckHandshake> {
  if (draft.record?.kind !== "attached") return refuse(draft, { reason: "SESSION_UNKNOWN" });
  const standing = standingOf(draft.record, command.handshakeId);
  return accept(draft, { standing, honoured: isHonoured(standing) });
}

/** Each report of a reporter counts once, and in the order of their numbers. */
function isRepeated(session: Session, report: Report): boolean {
  if (report.sequence === 0) return false;
  const { end, reporterId, sequence } = report;
  return session.transport.reporters.some(
    (known) => known.end === end && known.id === reporterId && sequence <= known.sequence,
  );
}

function reporterOf({ end, reporterId, sequence }: Report): Reporter | undefined {
  return sequence === 0 ? undefined : { end, id: reporterId, sequence };
}

/** A report about a healthy fast path that differs from the last one only in its age. */
function isOldNews(
  { context: { policy } }: Draft,
  { transport: { path } }: Session,
  {
    report,
    received,
  }: { readonly report: Report; readonly received: ReceivedEvidence | undefined },
): boolean {
  if (path.kind !== "active" || path.current.health !== "healthy") return false;
  const previous = path.current[report.end];
  if (received === undefined || received.changed || received.handshakeId !== path.current.id)
    return false;
  const { evidence } = received;
  // A claim to have no connection keeps its time: a later report takes it back or outlives it.
  if (previous === undefined || (previous.noConnection ?? evidence.noConnection)) return false;
  return (
    // Overtaken evidence still carries the name of the reporter that overtook it.
    previous.reporterId === report.reporterId &&
    previous.generation === evidence.generation &&
    evidence.oldestUnackedMs <= policy.acksSlowMs &&
    agesFrom(evidence) - agesFrom(previous) < policy.unchangedReportMs
  );
}

/** An observation made in a gap ages from the gap's end: it could not be reported earlier. */
function observationOf({ observedAgeMs }: Report, { now, gaps }: DecisionContext): Observed {
  const at = now - observedAgeMs;
  return { at, agesFrom: afterGaps(at, gaps) };
}

function receivedEvidence(
  draft: Draft,
  session: Session,
  { report, observed }: { readonly report: Report; readonly observed: Observed },
): ReceivedEvidence | undefined {
  const { handshakeId, end } = report;
  const standing = standingOf(session, handshakeId);
  if (standing === "retired" || standing === "lingering") return undefined;
  const at = draft.context.now;
  if (standing === "unknown" && !mayBeAdopted(handshakeId, at)) return undefined;
  const subject = subjectOf(session, handshakeId);
  const previous = subject?.[end];
  const channels = subject?.channels ?? session.transport.requiredChannels;
  const evidence = receive(previous, report, channels, observed);
  if (evidence === undefined) return undefined;
  const changed = differs(previous, evidence);
  const goodSince = goodSinceAfter(draft, session, { report, evidence, at });
  return { handshakeId, evidence, changed, goodSince };
}

type Subject = Witnessed & { readonly channels?: readonly string[] };

function subjectOf({ transport }: Session, id: string): Subject | undefined {
  const { path, abandoned, unrecognised } = transport;
  const held: readonly (Subject | undefined)[] = [
    currentOf(path),
    nextOf(path),
    ...abandoned,
    ...unrecognised,
  ];
  return held.find((subject) => subject?.id === id);
}

/** Since when the promoted transport's evidence has been good, this report included. */
function goodSinceAfter(
  draft: Draft,
  session: Session,
  received: { readonly report: Report; readonly evidence: Evidence; readonly at: EpochMs },
): EpochMs | undefined {
  const { report, evidence, at } = received;
  const before = currentOf(session.transport.path);
  if (before === undefined || before.id !== report.handshakeId) return undefined;
  const { policy } = draft.context;
  const current: PromotedHandshake = { ...before, [report.end]: evidence };
  if (!isGood(session.transport, current, at, policy)) return undefined;
  const reportedAt = agesFrom(evidence);
  const unbroken = reportedAt - (newestOf(before) ?? 0) < policy.evidenceStaleMs;
  return unbroken ? (before.goodSince ?? reportedAt) : reportedAt;
}
