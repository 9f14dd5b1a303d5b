import type { LeaseEnd } from "../../../src/core/session.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { LeaseSeen } from "../seen/seen.ts";
import type { Answered, Asked } from "../seen/sight.ts";
import type { Witness } from "./witness.ts";

/** An answer that showed a lease live. */
export interface LiveMoment {
  readonly kind: "live";
  readonly answer: Answered;
  readonly lease: LeaseSeen;
  /** When it ends if nothing is done about it, in true time. */
  readonly endsAt: EpochMs;
}

/** An answer that showed that it had ended. */
export interface OverMoment {
  readonly kind: "over";
  readonly answer: Answered;
  readonly endedBy: LeaseEnd | "unknown" | "session unknown";
}

export type LeaseMoment = LiveMoment | OverMoment;

/** One lease within one era: the moments in which it was shown, and who asked to extend it. */
export interface LeaseLife {
  readonly sessionId: string;
  readonly leaseId: string;
  readonly ttlMs: DurationMs;
  readonly moments: readonly LeaseMoment[];
  readonly renewals: readonly Asked[];
}

export function leaseLives({ answers, asks }: Witness): readonly LeaseLife[] {
  const lives = new Map<string, { first: Answered; lease: LeaseSeen; moments: LeaseMoment[] }>();
  const byToken = new Map<string, string>();
  for (const answer of answers) {
    const shown = answer.answer.kind === "done" ? answer.answer.lease : undefined;
    if (shown !== undefined) {
      const key = `${answer.era} ${answer.sessionId} ${shown.id}`;
      const life = lives.get(key) ?? { first: answer, lease: shown, moments: [] };
      const endsAt = answer.at + shown.remainingMs;
      life.moments.push({ kind: "live", answer, lease: shown, endsAt });
      lives.set(key, life);
      if (shown.token) byToken.set(`${answer.era} ${answer.sessionId} ${shown.token}`, key);
      continue;
    }
    const ended = endOf(answer);
    const token = tokenOf(answer);
    const key = byToken.get(`${answer.era} ${answer.sessionId} ${token}`);
    if (ended !== undefined && key !== undefined) {
      lives.get(key)?.moments.push({ kind: "over", answer, endedBy: ended });
    }
  }
  return [...lives.values()].map(({ first: { sessionId }, lease, moments }) => {
    const tokens = new Set(moments.flatMap((moment) => tokensShownBy(moment)));
    const renewals = asks.filter(
      (ask) => ask.sessionId === sessionId && mayExtend(ask, lease, tokens),
    );
    return { sessionId, leaseId: lease.id, ttlMs: lease.ttlMs, moments, renewals };
  });
}

function tokensShownBy(moment: LeaseMoment): readonly string[] {
  const shown = moment.kind === "live" ? moment.lease.token : undefined;
  const used = tokenOf(moment.answer);
  return [shown, used].filter((token) => token !== undefined);
}

function tokenOf({ ask }: Answered): string | undefined {
  return "token" in ask ? ask.token : undefined;
}

function mayExtend({ ask }: Asked, lease: LeaseSeen, tokens: ReadonlySet<string>): boolean {
  if (ask.kind === "Renew") return tokens.has(ask.token);
  return ask.kind === "Acquire" && ask.account === lease.account && ask.reason === lease.reason;
}

function endOf({ ask, answer }: Answered): OverMoment["endedBy"] | undefined {
  if (answer.kind === "done") {
    return ask.kind === "Release" && answer.ended === true ? "released" : undefined;
  }
  if (answer.refusal.reason === "LEASE_NOT_LIVE") return answer.refusal.endedBy;
  const isAboutLease = ask.kind === "Renew" || ask.kind === "CheckLease";
  return isAboutLease && answer.refusal.reason === "SESSION_UNKNOWN"
    ? "session unknown"
    : undefined;
}
