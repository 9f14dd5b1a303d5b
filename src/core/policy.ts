import type { DurationMs } from "./time.ts";

/** Every limit and horizon that the core decides by. All durations in milliseconds. */
export interface Policy {
  /** Default lease ttl. A requested ttl is clamped to the two bounds. */
  readonly leaseTtlMs: DurationMs;
  readonly leaseTtlMsMin: DurationMs;
  readonly leaseTtlMsMax: DurationMs;
  /** The shortest ttl for a caller that never renews sooner than every 5 s. */
  readonly slowLeaseTtlMsMin: DurationMs;
  readonly liveLeasesMax: number;
  /** Default length of a hold after a revocation, and the longest. */
  readonly holdMs: DurationMs;
  readonly holdMsMax: DurationMs;
  readonly holdsMax: number;

  /** A handshake not confirmed for this long is abandoned; a normal negotiation takes about 6 s. */
  readonly negotiationTimeoutMs: DurationMs;
  /** How long an abandoned handshake may still win. */
  readonly abandonedMs: DurationMs;
  readonly abandonedMax: number;
  /** How long a replaced handshake stays honoured. */
  readonly retireLingerMs: DurationMs;
  readonly negotiationsPerManagerMax: number;
  /** The n-th failure in a row delays the next try by base · 2^(n−1), at most max, ± spread. */
  readonly backoffMsBase: DurationMs;
  readonly backoffMsMax: DurationMs;
  readonly backoffSpread: number;
  /** A promoted transport that stays usable this long forgives all failures before it. */
  readonly provenMs: DurationMs;
  /** A usable transport is not replaced sooner than this after its promotion. */
  readonly replaceAfterMs: DurationMs;

  /** Silence of an end after which evidence is stale, and of both after which it is lost. */
  readonly evidenceStaleMs: DurationMs;
  readonly evidenceLostMs: DurationMs;
  /** The host end has a say for this long after any report of its own. */
  readonly hostSayMs: DurationMs;
  /** The oldest unacknowledged action: slow above the first, stalled above the second. */
  readonly acksSlowMs: DurationMs;
  readonly acksStalledMs: DurationMs;
  /** With slow acks, a host silent for this long makes them stalled. */
  readonly acksHostSilentMs: DurationMs;
  /** How long evidence has to be good before lost or degraded is left. */
  readonly recoveryMs: DurationMs;
  /**
   * A claim to have no connection counts once no other reporter has reported ready for this long.
   */
  readonly noConnectionMs: DurationMs;

  /** A report without news about a healthy fast path is recorded at most this often; 0: always. */
  readonly unchangedReportMs: DurationMs;

  /** For so long some may still be served by the incarnation that was lost; 0: nobody is. */
  readonly splitMs: DurationMs;

  /** A session without live lease, report or watcher for this long is detached. */
  readonly sessionIdleMs: DurationMs;
  readonly tombstoneMs: DurationMs;
  /** How long a tombstone lasts at most where no handshake was ever promoted. */
  readonly unprovenTombstoneMs: DurationMs;

  /** How many sessions may be attached at a private beach, and in all. */
  readonly sessionsPerBeachMax: number;
  readonly sessionsMax: number;
  /** How many sessions a private beach may attach within a minute. */
  readonly attachesPerMinuteMax: number;
  /** How many leases may live at a private beach. */
  readonly leasesPerBeachMax: number;

  /** A renewal is due after a share of the remaining time between these two. */
  readonly renewAfterMin: number;
  readonly renewAfterMax: number;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const defaultPolicy: Policy = {
  leaseTtlMs: 30 * second,
  leaseTtlMsMin: 5 * second,
  leaseTtlMsMax: 5 * minute,
  slowLeaseTtlMsMin: 10 * second,
  liveLeasesMax: 64,
  holdMs: minute,
  holdMsMax: day,
  holdsMax: 64,
  negotiationTimeoutMs: 15 * second,
  abandonedMs: minute,
  abandonedMax: 2,
  retireLingerMs: 5 * second,
  negotiationsPerManagerMax: 50,
  backoffMsBase: second,
  backoffMsMax: 30 * second,
  backoffSpread: 0.2,
  provenMs: 30 * second,
  replaceAfterMs: 10 * second,
  evidenceStaleMs: 10 * second,
  evidenceLostMs: 30 * second,
  hostSayMs: 30 * second,
  acksSlowMs: 5 * second,
  acksStalledMs: 15 * second,
  acksHostSilentMs: 5 * second,
  recoveryMs: 3 * second,
  noConnectionMs: 3 * second,
  unchangedReportMs: 0,
  splitMs: 0,
  sessionIdleMs: day,
  tombstoneMs: 30 * day,
  unprovenTombstoneMs: hour,
  sessionsPerBeachMax: 50_000,
  sessionsMax: 2_000_000,
  attachesPerMinuteMax: 20_000,
  leasesPerBeachMax: 200_000,
  renewAfterMin: 0.5,
  renewAfterMax: 0.66,
};

/**
 * The policy of processes that share a store. Reports without news are not all written, so an end's
 * recorded report may be this much older than its last one. After a failover, some may still be
 * connected to the server that was primary before.
 */
export function sharedPolicy(policy: Policy): Policy {
  const { evidenceStaleMs, noConnectionMs } = policy;
  // A claim to have no connection waits that much longer, and must still count before the evidence
  // is stale.
  const unchangedReportMs = Math.min(evidenceStaleMs * 0.3, (evidenceStaleMs - noConnectionMs) / 2);
  return {
    ...policy,
    unchangedReportMs,
    noConnectionMs: noConnectionMs + unchangedReportMs,
    splitMs: minute,
  };
}

/** Every horizon of `policy` times `factor`; limits and shares stay. */
export function scalePolicy(policy: Policy, factor: number): Policy {
  const scaled = Object.entries(policy).map(([name, value]: [string, number]) =>
    /Ms(Min|Max|Base)?$/.test(name) ? [name, value * factor] : [name, value],
  );
  return Object.fromEntries(scaled) as unknown as Policy;
}

/** How often ends report when nothing changes. A few lost reports must not look like silence. */
export function reportEveryMs(policy: Policy): DurationMs {
  return Math.round(policy.evidenceStaleMs / 10);
}

/** A relation between two limits that the core relies on: the lesser is below the greater. */
export interface PolicyRule {
  readonly lesser: PolicyLimit;
  readonly greater: PolicyLimit;
  /** The two may also be equal. */
  readonly mayBeEqual: boolean;
  /** The rule in a sentence. */
  readonly sentence: string;
}

/** A field of the policy, or a number that never changes. */
export type PolicyLimit = keyof Policy | number;

/** The rules that the policy breaks. */
export function policyFaults(policy: Policy): readonly PolicyRule[] {
  return policyRules.filter(({ lesser, greater, mayBeEqual }) => {
    const [less, more] = [limitIn(policy, lesser), limitIn(policy, greater)];
    return less > more || (less === more && !mayBeEqual);
  });
}

export function limitIn(policy: Policy, limit: PolicyLimit): number {
  return typeof limit === "number" ? limit : policy[limit];
}

const policyRules: readonly PolicyRule[] = [
  below(0, "leaseTtlMsMin", "the shortest lease ttl must be positive"),
  atMost("leaseTtlMsMin", "leaseTtlMs", "the lease ttl must not be below the shortest one"),
  atMost("leaseTtlMs", "leaseTtlMsMax", "the lease ttl must not be above the longest one"),
  atMost("leaseTtlMsMin", "leaseTtlMsMax", "the shortest lease ttl must not be above the longest"),
  atMost(
    "slowLeaseTtlMsMin",
    "leaseTtlMsMax",
    "the shortest lease ttl of the old routes must not be above the longest",
  ),
  below("evidenceStaleMs", "evidenceLostMs", "evidence must be stale before it is lost"),
  below(
    "negotiationTimeoutMs",
    "evidenceLostMs",
    "a negotiation must time out before silence counts as lost",
  ),
  below(
    "retireLingerMs",
    "negotiationTimeoutMs",
    "a replaced handshake must be gone before the next negotiation can time out",
  ),
  below("acksSlowMs", "acksStalledMs", "acks must be slow before they are stalled"),
  below("recoveryMs", "evidenceStaleMs", "good evidence must count before it is stale"),
  below(
    "noConnectionMs",
    "evidenceStaleMs",
    "a claim to have no connection must count before it is stale",
  ),
  atMost(
    "unchangedReportMs",
    "noConnectionMs",
    "reports must be recorded more often than a claim to have no connection takes to count",
  ),
  atMost("backoffMsBase", "backoffMsMax", "the back-off must not start above its maximum"),
  atMost(1, "abandonedMax", "at least one abandoned handshake must be kept"),
  atMost("renewAfterMin", "renewAfterMax", "the renewal window must not be empty"),
  below("renewAfterMax", 1, "a renewal must be due before its lease ends"),
];

function below(lesser: PolicyLimit, greater: PolicyLimit, sentence: string): PolicyRule {
  return { lesser, greater, mayBeEqual: false, sentence };
}

function atMost(lesser: PolicyLimit, greater: PolicyLimit, sentence: string): PolicyRule {
  return { lesser, greater, mayBeEqual: true, sentence };
}
