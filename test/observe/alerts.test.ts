import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";

import { tallies } from "../../src/observe/metrics/metric-tables.ts";
import { hasOpenssl } from "../support/network/certificates.ts";
import { type Exported, exportedByService, isShownAtOnce, unknownIn } from "./exported.ts";
import { readPromql } from "./promql.ts";

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
}

const sources = join(import.meta.dirname, "../../src");
const read = (path: string): string => readFileSync(join(sources, path), "utf8");
const { groups } = parse(read("observe/operators/alerts.yaml")) as {
  readonly groups: readonly { readonly rules: readonly Alert[] }[];
};
const alerts = groups.flatMap(({ rules }) => rules);
const byName = alerts.map((alert) => [alert.alert, alert] as const);

let exported: Exported;
beforeAll(async () => {
  if (!hasOpenssl) return;
  exported = await exportedByService();
});

describe.skipIf(!hasOpenssl)("The alert", () => {
  test.each(byName)("%s reads what a process shows", (_name, { expr }) => {
    const expression = readPromql(expr);
    expect(expression.faults).toEqual([]);
    expect(expression.selectors).not.toEqual([]);
    expect(unknownIn(expression, exported)).toEqual([]);
  });

  test.each(byName)("%s sees what happens for the first time", (_name, { expr }) => {
    const { selectors, functions } = readPromql(expr);
    // What is at least so many a second has happened before.
    if (!functions.includes("increase")) return;
    expect(selectors.filter((selector) => !isShownAtOnce(selector, exported))).toEqual([]);
  });

  test.each(byName)("%s says what it is, in words that it has", (_name, alert) => {
    const { summary, description } = alert.annotations;
    expect(["page", "ticket"]).toContain(alert.labels.severity);
    expect(summary).toMatch(/^[A-Z].*[^.]$/);
    expect(description).toMatch(/\.$/);
    const named = [...description.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);
    const { grouping, selectors } = readPromql(alert.expr);
    const kept = /\bby \(/.test(alert.expr) ? grouping : labelsOf(selectors[0]?.metric ?? "");
    expect(named.filter((label) => !kept.includes(label))).toEqual([]);
  });
});

describe("The runbook", () => {
  const runbook = read("observe/operators/runbook.md");

  test("has a section for each alert, in the same order, to which it links", () => {
    const sections = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alerts.map(({ alert }) => alert));
    const links = alerts.map(({ annotations }) => annotations.runbook_url);
    expect(links).toEqual(alerts.map(({ alert }) => `runbook.md#${alert.toLowerCase()}`));
  });

  test("says of each what it means, how to see it and what to do", () => {
    const sections = runbook.split(/^## /m).slice(1);
    const partial = sections.filter(
      (text) => !/\*\*Means\.\*\*[\s\S]*\*\*See\.\*\*[\s\S]*\*\*Do\.\*\*/.test(text),
    );
    expect(partial).toEqual([]);
  });

  test("names panels that the dashboard has", () => {
    const { panels } = JSON.parse(read("observe/operators/grafana-dashboard.json")) as {
      readonly panels: readonly { readonly title: string }[];
    };
    const titles = panels.map(({ title }) => title.toLowerCase());
    const named = [...runbook.matchAll(/(?<!\*)\*([A-Z][^*]+)\*(?!\*)/g)].map(([, words = ""]) =>
      words.replaceAll("\n", " ").toLowerCase(),
    );
    expect(named.length).toBeGreaterThan(20);
    const unknown = named.filter((words) => !titles.some((title) => title.startsWith(words)));
    expect(unknown).toEqual([]);
  });
});

test("the README has those that wake somebody up", () => {
  const readme = readFileSync(join(sources, "../README.md"), "utf8");
  const shown = [...readme.matchAll(/^\| `(Lease\w+)` \|/gm)].map(([, name]) => name);
  const paging = alerts.filter(({ labels }) => labels.severity === "page");
  expect(shown).toEqual(paging.map(({ alert }) => alert));
});

test("each place where something can fail is shown before anything has", () => {
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" });
  const places = files
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => [...read(path).matchAll(/where: ((?:"[^"]+"(?: \| )?)+)/g)])
    .flatMap(([, words = ""]) => words.match(/[^"|]*[^"| ]/g) ?? []);
  const known = tallies.failures.known?.flat() ?? [];
  expect([...new Set(places)].toSorted()).toEqual([...known].toSorted());
});

/** Labels that a sample has when it reaches an alert. */
function labelsOf(metric: string): readonly string[] {
  const found = exported.samples.filter(({ name }) => name === metric);
  return ["job", "instance", ...found.flatMap(({ labels }) => Object.keys(labels))];
}
