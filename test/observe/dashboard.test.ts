import { readFileSync } from "node:fs";
import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

import { hasOpenssl } from "../support/network/certificates.ts";
import { type Exported, exportedByService, unknownIn } from "./exported.ts";
import { type Expression, readPromql } from "./promql.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string }[];
  };
}

const path = join(import.meta.dirname, "../../src/observe/operators/grafana-dashboard.json");
const dashboard = JSON.parse(readFileSync(path, "utf8")) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== "row");

let exported: Exported;
beforeAll(async () => {
  if (!hasOpenssl) return;
  exported = await exportedByService();
});

describe.skipIf(!hasOpenssl)("The dashboard", () => {
  test.each(panels.map((panel) => [panel.title, panel] as const))("shows %s", (_title, panel) => {
    expect(panel.description).toMatch(/^[A-Z].*\.$/);
    expect(panel.fieldConfig?.defaults.unit).toMatch(/^\w+$/);
    const targets = panel.targets ?? [];
    expect(targets.length).toBeGreaterThan(0);
    for (const { expr, legendFormat } of targets) {
      const expression = readPanel(expr);
      expect(expression.faults).toEqual([]);
      expect(unknownIn(expression, exported)).toEqual([]);
      // Each process of the job that is chosen, and no others.
      for (const { matchers } of expression.selectors) {
        expect(matchers.map(({ label }) => label)).toEqual(
          expect.arrayContaining(["job", "instance"]),
        );
      }
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      const kept = keptBy(expr, expression);
      expect(named.filter((label) => !kept.includes(label))).toEqual([]);
      expect(kept.filter((label) => label !== "le" && !named.includes(label))).toEqual([]);
    }
  });

  test("lays its panels out beside each other", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from(
        { length: w * h },
        (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`,
      ),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  test("asks for the processes by a metric that each of them has", () => {
    const queries = dashboard.templating.list.flatMap(
      ({ query }) => /^label_values\((.*), \w+\)$/.exec(query)?.[1] ?? [],
    );
    expect(queries).toHaveLength(2);
    expect(queries.flatMap((query) => unknownIn(readPanel(query), exported))).toEqual([]);
  });
});

/** As Grafana asks it, with its variables filled in. */
function readPanel(expr: string): Expression {
  return readPromql(expr.replaceAll("$__rate_interval", "1m"));
}

/** Labels that tell the lines of a panel apart. */
function keptBy(expr: string, { grouping }: Expression): readonly string[] {
  if (/\bby \(/.test(expr)) return grouping;
  return /^(sum|max)\(/.test(expr) ? [] : ["instance"];
}
