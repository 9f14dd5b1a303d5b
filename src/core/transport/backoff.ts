import type { Policy } from "../policy.ts";
import type { Backoff } from "../session.ts";
import type { EpochMs } from "../time.ts";

/** The delay after one more failure in a row: base · 2^(n−1), at most max, ± spread. */
export function backOff(before: Backoff, now: EpochMs, jitter: number, policy: Policy): Backoff {
  const failures = before.failures + 1;
  const doublings = Math.min(failures - 1, 30);
  const delayMs = Math.min(policy.backoffMsBase * 2 ** doublings, policy.backoffMsMax);
  const spread = 1 + policy.backoffSpread * (2 * jitter - 1);
  return { failures, notBefore: now + Math.round(delayMs * spread) };
}
