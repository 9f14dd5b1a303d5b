import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { HeaderStrings } from "../../../src/server/http2/header-strings.ts";

const run = promisify(execFile);

test("headers are counted from one collection to the next", () => {
  const budgets = new Budgets({ header_string_bytes: 1_000 });
  const strings = new HeaderStrings(budgets);
  const begun: number[] = [];
  for (let calls = 0; calls < 3; calls += 1) {
    strings.bring(600);
    begun.push(budgets.figures("header_string_bytes").refused);
  }
  expect(begun).toEqual([0, 1, 1]);
});

// In a process of its own, which collects nothing besides.
test("once so many bytes of headers have come, V8 collects the whole heap", async () => {
  const { stdout } = await run(process.execPath, [
    join(import.meta.dirname, "header-strings-process.ts"),
  ]);
  expect(stdout).toBe("collected\n");
});
