import { expect, test } from "vitest";

import type { Gap } from "../../src/core/session.ts";
import { createLogger } from "../../src/observe/log/logger.ts";
import { createMetrics } from "../../src/observe/metrics/metrics.ts";
import { observeEvents } from "../../src/observe/observe-events.ts";

test("a gap is one line and one count, however many buckets it concerns", async () => {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const metrics = createMetrics();
  const observe = observeEvents(createLogger("info", { kind: "stream", stream }), metrics);
  const gap: Gap = { number: 7, kind: "absence", from: 1_000, until: 3_500 };
  observe({ kind: "gap", gap, buckets: 16 });

  const msg = "the service could not receive reports";
  expect(lines).toMatchObject([
    { level: "warn", msg, number: 7, kind: "absence", gap_ms: 2_500, buckets: 16 },
  ]);
  const shown = await metrics.registry.metrics();
  expect(shown).toContain('lease_gaps_total{kind="absence"} 1\n');
  expect(shown).toContain('lease_gap_seconds_total{kind="absence"} 2.5\n');
});
