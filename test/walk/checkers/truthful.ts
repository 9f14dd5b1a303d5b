import type { PromotedHandshake, Session, SessionRecord } from "../../../src/core/session.ts";
import { agesFrom, type Moment, saysDead } from "../judging/evidence-rules.ts";
import type { Change, Taken } from "../judging/taken.ts";

/** A false "ready" starves a session and a false "lost" churns it: health is what the ends say. */
export function checkTruthful(
  { context, decision }: Taken,
  changes: readonly Change[],
): readonly string[] {
  const { now, policy } = context;
  const faults = hidden(decision.session, (session) => ({
    at: now,
    transport: session.transport,
    policy,
  }));
  for (const { before, event, after } of changes) {
    if (event.kind !== "HealthChanged" || before?.kind !== "attached") continue;
    if (after?.kind !== "attached") continue;
    const moment = { at: event.at, transport: after.transport, policy };
    const [was, is] = [currentOf(before), currentOf(after)];
    if (was === undefined || is === undefined) faults.push("the health of nothing changed");
    else if (is.health === "lost") faults.push(...deathFaults(is, moment));
    else faults.push(...recoveryFaults(was, is, moment));
  }
  return faults;
}

/** What the ends say, and the record does not tell. */
function hidden(
  record: SessionRecord | undefined,
  momentOf: (session: Session) => Moment,
): string[] {
  const current = record?.kind === "attached" ? currentOf(record) : undefined;
  if (record?.kind !== "attached" || current === undefined || current.health === "lost") return [];
  const moment = momentOf(record);
  if (isDead(current, moment)) return ["a fast path that is dead counts as usable"];
  const silent = silence(current, moment);
  if (silent >= moment.policy.evidenceLostMs) return ["silence for so long is not called lost"];
  if (silent >= moment.policy.evidenceStaleMs && current.health !== "stale") {
    return ["silence is not called stale"];
  }
  return [];
}

function deathFaults(current: PromotedHandshake, moment: Moment): string[] {
  switch (current.healthReason) {
    case "connection_closed":
    case "channel_closed":
    case "end_restarted":
      return isDead(current, moment) ? [] : [`nobody says ${current.healthReason}`];
    case "silent":
      return silence(current, moment) >= moment.policy.evidenceLostMs ? [] : ["nobody is silent"];
    case "acks_stalled": {
      const { acksSlowMs } = moment.policy;
      const waits = ends(current).some((end) => end.oldestUnackedMs > acksSlowMs);
      return waits ? [] : ["nobody waits for acknowledgements"];
    }
    default:
      return [`${current.healthReason} is no death`];
  }
}

/** Debounce: lost and degraded are left on a stretch of good evidence, and hard deaths never. */
function recoveryFaults(
  was: PromotedHandshake,
  is: PromotedHandshake,
  { policy }: Moment,
): string[] {
  const dead = ["connection_closed", "channel_closed", "end_restarted"];
  if (was.health === "lost" && dead.includes(was.healthReason)) return ["the dead came back"];
  const worse = was.health === "healthy" || is.health === "stale" || was.health === "stale";
  const recovers = was.health === "lost" || (is.health === "healthy" && !worse);
  if (!recovers) return [];
  const newest = Math.max(...ends(was).map(agesFrom));
  const since = was.goodSince ?? Number.POSITIVE_INFINITY;
  return newest - since >= policy.recoveryMs ? [] : ["recovered on a moment of good evidence"];
}

function isDead(current: PromotedHandshake, moment: Moment): boolean {
  return ends(current).some((end) => saysDead(end, current.channels, moment));
}

/** How long neither end has been heard, as far as there was somebody to hear. */
function silence(current: PromotedHandshake, { at }: Moment): number {
  return at - Math.max(...[current.manager, current.host].map((end) => agesFrom(end ?? current)));
}

function ends({ manager, host }: PromotedHandshake) {
  return [manager, host].filter((end) => end !== undefined);
}

function currentOf({ transport: { path } }: Session): PromotedHandshake | undefined {
  return path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
}
