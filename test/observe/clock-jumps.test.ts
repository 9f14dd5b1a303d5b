import { expect, test } from "vitest";

import { createLogger } from "../../src/observe/log/logger.ts";
import { createMetrics } from "../../src/observe/metrics/metrics.ts";
import { observeEvents } from "../../src/observe/observe-events.ts";

test("a step of the wall clock and a suspend are one line and one count each", async () => {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const metrics = createMetrics();
  const observe = observeEvents(createLogger("info", { kind: "stream", stream }), metrics);
  observe({ kind: "clock", jump: { kind: "stepped", byMs: -28_800_000.4 } });
  observe({ kind: "clock", jump: { kind: "suspended", byMs: 5_000 } });

  expect(lines).toMatchObject([
    { level: "warn", msg: "the wall clock was stepped", by_ms: -28_800_000 },
    { level: "warn", msg: "the machine was suspended", suspended_ms: 5_000 },
  ]);
  const shown = await metrics.registry.metrics();
  expect(shown).toContain('lease_clock_jumps_total{kind="stepped"} 1\n');
  expect(shown).toContain('lease_clock_jumps_total{kind="suspended"} 1\n');
});
