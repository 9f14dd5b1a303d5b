import { expect, test } from "vitest";

import { defaultPolicy, type Policy, policyFaults } from "../../src/core/policy.ts";

test("the default policy breaks no rule", () => {
  expect(policyFaults(defaultPolicy)).toEqual([]);
});

const { leaseTtlMs, evidenceLostMs, backoffMsMax } = defaultPolicy;

test.each<
  [what: string, change: Partial<Policy>, lesser: string | number, greater: string | number]
>([
  ["a shortest ttl of nothing", { leaseTtlMsMin: 0 }, 0, "leaseTtlMsMin"],
  [
    "a shortest ttl above the ttl",
    { leaseTtlMsMin: leaseTtlMs + 1 },
    "leaseTtlMsMin",
    "leaseTtlMs",
  ],
  [
    "stale and lost at once",
    { evidenceStaleMs: evidenceLostMs },
    "evidenceStaleMs",
    "evidenceLostMs",
  ],
  [
    "a back-off above its maximum",
    { backoffMsBase: backoffMsMax + 1 },
    "backoffMsBase",
    "backoffMsMax",
  ],
  ["no abandoned handshake", { abandonedMax: 0 }, 1, "abandonedMax"],
  ["renewals at the very end", { renewAfterMax: 1 }, "renewAfterMax", 1],
])("%s breaks one rule, which names its fields", (_what, change, lesser, greater) => {
  expect(policyFaults({ ...defaultPolicy, ...change })).toEqual([
    expect.objectContaining({ lesser, greater }),
  ]);
});

test("limits that may be equal may be equal", () => {
  const equal = { leaseTtlMsMin: leaseTtlMs, leaseTtlMsMax: leaseTtlMs, renewAfterMin: 0.66 };
  expect(policyFaults({ ...defaultPolicy, ...equal })).toEqual([]);
});
