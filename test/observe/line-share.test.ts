import { expect, test } from "vitest";
import { createLogger } from "../../src/observe/log/logger.ts";
import { createMetrics } from "../../src/observe/metrics/metrics.ts";
import { observeEvents } from "../../src/observe/observe-events.ts";
import { attach, serviceUnderTest } from "../support/service/session-service.ts";

test("one private beach writes no more lines than its share, and others write theirs", async () => {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const observe = observeEvents(createLogger("info", { kind: "stream", stream }), createMetrics());
  await using under = await serviceUnderTest({ observe });
  for (let index = 0; index < 5_000; index++) await under.service.execute(`s${index}`, attach);
  await under.service.execute("other", { ...attach, beachId: "beach-2" });
  const attached = lines.filter((line) => line.includes("session attached"));
  expect(attached).toHaveLength(2_001);
  expect(attached.at(-1)).toContain('"other"');
  expect(lines.filter((line) => line.includes("too many lines"))).toHaveLength(1);
  await under.clock.advance(60_000);
  await under.service.execute("later", attach);
  expect(lines.at(-1)).toContain('"later"');
});
