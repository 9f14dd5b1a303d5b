import { beforeAll, describe, expect, test } from "vitest";

import type { Size } from "./bench.ts";
import { full, parts, partsNamed, quick } from "./plan.ts";
import { chartOf } from "./report/chart.ts";
import { withSpeed } from "./report/markdown.ts";
import type { Report } from "./report/report.ts";
import type { Row } from "./report/row.ts";
import { textOf } from "./report/table.ts";
import { runBench } from "./run-bench.ts";
import { etcdVersion } from "./servers/etcd.ts";

const tiny: Size = { ...quick, rounds: 1, warmUpMs: 50, ms: 50, leases: 20 };

describe("the report of a tiny run", () => {
  let report: Report;
  const said: string[] = [];
  const rows = (): readonly Row[] => report.parts.flatMap((part) => part.rows);

  beforeAll(async () => {
    const say = (line: string): void => void said.push(line);
    const part = parts.find(({ name }) => name === "streams");
    if (part === undefined) throw new Error("there is no such part");
    report = await runBench({
      command: "npm run bench",
      parts: [part],
      size: tiny,
      cores: undefined,
      say,
    });
  });

  test("says where it was made, by what, and how long it took", () => {
    expect(report).toMatchObject({
      command: "npm run bench",
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      tookSeconds: expect.any(Number),
      machine: {
        processor: expect.stringMatching(/./),
        cores: expect.any(Number),
        memoryGb: expect.any(Number),
        node: process.versions.node,
        etcd: expect.stringMatching(/^(\d+\.\d+|none)/),
        h2load: expect.stringMatching(/^(\d+\.\d+|none)/),
        commit: expect.stringMatching(/^([0-9a-f]{7,}\+?|unknown)$/),
        pinned: expect.stringMatching(/./),
      },
    });
  });

  test("has figures in every row, and a target where it is compared with etcd", () => {
    const wrong = rows().filter(({ value, ratio = 1 }) => !(value > 0 && ratio > 0));
    expect(wrong).toEqual([]);
    const judged = rows().filter((row) => row.peer !== undefined);
    expect(judged.length).toBe(etcdVersion === undefined ? 0 : 2);
    for (const row of judged) {
      expect(row).toMatchObject({ target: expect.stringMatching(/^≥/), met: expect.any(Boolean) });
      expect(row.ratio).toBeCloseTo((row.peer ?? 0) / row.value);
    }
    expect(rows().filter((row) => row.floor !== undefined)).toHaveLength(2);
  });

  test("is the same as JSON", () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test("is a table with a line for each row", () => {
    const lines = textOf(report).split("\n");
    for (const { name, unit } of rows()) {
      expect(
        lines.filter((line) => line.includes(`  ${name} `) && line.includes(unit)),
      ).not.toEqual([]);
    }
  });

  test("is put into a page, and then again instead of what it had put there", () => {
    const page = "# Page\n\n## Where to read on\n\nHere.\n";
    const once = withSpeed(page, report);
    for (const { name } of rows().filter(({ target }) => target !== undefined)) {
      expect(once).toContain(`| ${name} | `);
    }
    expect(once.endsWith("\n\n## Where to read on\n\nHere.\n")).toBe(true);
    const other = { ...report, startedAt: "2001-02-03T04:05:06.000Z" };
    expect(withSpeed(once, other)).toBe(withSpeed(page, other));
    expect(() => withSpeed("# Page", report)).toThrow("a page needs the heading");
  });

  test("says which round of whom it is at", () => {
    expect(said).toContainEqual(expect.stringContaining("round 1 of 1, the service"));
    expect(said[0]).toMatch(/\(about \d+ (s|min) from here on\)/);
  });

  test("is a chart that is well formed, with a bar for each cost", () => {
    const chart = chartOf({ ...report, parts: report.parts.map(withCurve) });
    expect(openTags(chart)).toEqual([]);
    const compared = rows().filter(({ against }) => against !== undefined);
    const names = new Set(compared.map(({ name }) => name));
    expect(chart.match(/<rect /g)).toHaveLength(compared.length + names.size);
    expect(chart.match(/<circle /g)).toHaveLength(2);
    expect(chart).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("the plan", () => {
  test("takes less than half an hour, and 6 minutes when it is to be quick", () => {
    const minutes = (size: Size): number =>
      parts.reduce((sum, { seconds }) => sum + seconds(size), 0) / 60;
    expect(minutes(full)).toBeLessThan(30);
    expect(minutes(quick)).toBeLessThan(6);
  });

  test("has at least five rounds", () => {
    expect(full.rounds).toBeGreaterThanOrEqual(5);
  });

  test("runs the parts that are named, in its own order", () => {
    expect(partsNamed("redis, unary")?.map(({ name }) => name)).toEqual(["unary", "redis"]);
    expect(partsNamed("unary,all")).toBeUndefined();
    expect(partsNamed("")).toBeUndefined();
  });
});

function withCurve(part: Report["parts"][number]): Report["parts"][number] {
  const points = [1, 1000].map((x) => ({ x, y: x * 3 }));
  return { ...part, curves: [{ name: "Cost & <more>", unit: "µs", of: "watchers", points }] };
}

/** Elements that are not closed in the order in which they were opened, tags that are none, and a bare &. */
function openTags(xml: string): readonly string[] {
  if (/&(?!amp;|lt;)/.test(xml)) return ["&"];
  const open: string[] = [];
  for (const [tag, slash, name = "", rest = ""] of xml.matchAll(/<(\/?)([a-z]*)([^<]*?)>/g)) {
    if (name === "") return [tag];
    if (slash === "/") {
      if (open.pop() !== name) return [tag];
    } else if (!rest.endsWith("/")) {
      open.push(name);
    }
  }
  return open;
}
