import { defaultPolicy, type Policy } from "../../src/core/policy.ts";

/** The grid on which all moments of a walk lie. Ids are minted a millisecond apart, far below it. */
export const tickMs = 1000;

/** Nothing that the small policy decides by looks further than this. */
export const horizonTicks = 12;

const ticks = (count: number): number => count * tickMs;

/**
 * The policy in the smallest whole numbers that keep the order of its horizons: linger and recovery
 * < stale < negotiation < lost = proven = host's say = ttl < abandoned. No chance anywhere.
 */
export const smallPolicy: Policy = {
  ...defaultPolicy,
  leaseTtlMsMin: ticks(2),
  leaseTtlMs: ticks(4),
  leaseTtlMsMax: ticks(1000),
  liveLeasesMax: 2,
  abandonedMax: 1,
  holdMs: ticks(3),
  holdMsMax: ticks(3),
  negotiationTimeoutMs: ticks(3),
  abandonedMs: ticks(5),
  retireLingerMs: ticks(1),
  backoffMsBase: ticks(1),
  backoffMsMax: ticks(2),
  backoffSpread: 0,
  provenMs: ticks(4),
  replaceAfterMs: ticks(2),
  evidenceStaleMs: ticks(2),
  evidenceLostMs: ticks(4),
  hostSayMs: ticks(4),
  acksSlowMs: ticks(1),
  acksStalledMs: ticks(3),
  acksHostSilentMs: ticks(1),
  recoveryMs: ticks(1),
  noConnectionMs: ticks(1),
  sessionIdleMs: ticks(6),
  tombstoneMs: ticks(6),
};
