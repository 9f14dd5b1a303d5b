import { describe, expect, test } from "vitest";

import { brokenBy } from "./mutant.ts";
import { mutations } from "./mutations.ts";

describe("a core with a fault in it is caught", () => {
  test.each(mutations)("$name", { timeout: 120_000 }, async (mutation) => {
    const broken = await brokenBy(mutation);
    const caught = broken.find((promise) => mutation.caughtBy.includes(promise));
    process.stdout.write(`${mutation.name}: ${caught}\n`);
    expect(mutation.caughtBy).toContain(caught);
  });
});
