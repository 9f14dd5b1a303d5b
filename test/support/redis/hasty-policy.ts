import { defaultPolicy, type Policy } from "../../../src/core/policy.ts";

/** Horizons so short that an outage of a few seconds would pass all of them. */
export const hastyPolicy: Policy = {
  ...defaultPolicy,
  leaseTtlMs: 3_500,
  leaseTtlMsMin: 1_000,
  evidenceStaleMs: 2_500,
  evidenceLostMs: 3_500,
  negotiationTimeoutMs: 2_600,
  retireLingerMs: 1_000,
  recoveryMs: 1_000,
  noConnectionMs: 1_000,
};
