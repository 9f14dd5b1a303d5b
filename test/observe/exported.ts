import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Code } from "@connectrpc/connect";

import { tallies } from "../../src/observe/metrics/metric-tables.ts";
import { issueCertificate } from "../support/network/certificates.ts";
import { runService } from "../support/process/run-service.ts";
import type { Expression, Selector } from "./promql.ts";
import { scraped, tellStory } from "./story.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What processes of the service show to Prometheus. */
export interface Exported {
  /** Before anything has happened. */
  readonly fresh: readonly Sample[];
  /** The whole of it, from one that has been through much and one that speaks TLS. */
  readonly samples: readonly Sample[];
}

export async function exportedByService(): Promise<Exported> {
  const { fresh, meanwhile, after } = await tellStory();
  await using certificate = await issueCertificate("IP:127.0.0.1");
  await using secure = await runService({
    env: {
      LEASE_GRPC_TLS_CERT: certificate.certificate,
      LEASE_GRPC_TLS_KEY: certificate.key,
    },
  });
  const pages = [meanwhile, after, await scraped(secure)];
  return { fresh: samplesOf(fresh), samples: [...pages.flatMap(samplesOf), ...uncounted] };
}

/** What Prometheus itself says of each process. */
const byPrometheus: Sample = { name: "up", labels: {} };
const addedToEach = ["job", "instance"];

/** What nothing in the story counts has its labels all the same. */
const uncounted: readonly Sample[] = [
  byPrometheus,
  ...Object.values(tallies).map(({ name, labels }) => ({
    name,
    labels: Object.fromEntries(labels.map((label) => [label, ""])),
  })),
];

/** What an expression reads that no process shows, in words. */
export function unknownIn({ selectors, grouping }: Expression, { samples }: Exported): string[] {
  const read = selectors.flatMap((selector) => {
    const found = samples.filter(({ name }) => name === selector.metric);
    if (found.length === 0) return [`no metric ${selector.metric}`];
    const labels = new Set([...addedToEach, ...found.flatMap(({ labels }) => Object.keys(labels))]);
    return selector.matchers.flatMap(({ label, values }) => {
      if (!labels.has(label)) return [`${selector.metric} has no label ${label}`];
      return values
        .filter((value) => !isValue(value, label, found))
        .map((value) => `${selector.metric} has no ${label} ${value}`);
    });
  });
  const metrics = new Set(selectors.map(({ metric }) => metric));
  const labels = samples
    .filter(({ name }) => metrics.has(name))
    .flatMap((sample) => Object.keys(sample.labels));
  const ungrouped = grouping.filter((label) => ![...addedToEach, ...labels].includes(label));
  return [...read, ...ungrouped.map((label) => `nothing has a label ${label}`)];
}

/** Whether a fresh process shows what a selector asks for. */
export function isShownAtOnce({ metric, matchers }: Selector, { fresh }: Exported): boolean {
  const of = matchers.filter(({ label }) => !addedToEach.includes(label));
  const wanted = of.flatMap(({ label, values }) => values.map((value) => ({ label, value })));
  const shown = fresh.filter(({ name }) => name === metric);
  return (
    shown.length > 0 &&
    wanted.every(({ label, value }) => shown.some(({ labels }) => labels[label] === value))
  );
}

function isValue(value: string, label: string, found: readonly Sample[]): boolean {
  if (addedToEach.includes(label)) return true;
  // A class of HTTP statuses.
  if (label === "code" && /^[2-5]\.\.$/.test(value)) return true;
  return found.some(({ labels }) => labels[label] === value) || words.has(value);
}

/** Words that the code may put into a label. */
const words: ReadonlySet<string> = new Set([...Object.keys(Code), ...wordsOf("src")]);

function wordsOf(folder: string): readonly string[] {
  const root = join(import.meta.dirname, "../..", folder);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  return files
    .filter((path) => /^(core|service|store|server|road|api)\/.*\.ts$/.test(path))
    .flatMap((path) => readFileSync(join(root, path), "utf8").match(/(?<=")[\w -]+(?=")/g) ?? []);
}

function samplesOf(page: string): readonly Sample[] {
  const lines = page.matchAll(/^(?<name>[a-z_]\w*)(?:\{(?<labels>.*)\})? \S+$/gm);
  return [...lines].map(({ groups: { name = "", labels = "" } = {} }) => ({
    name,
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = "", value = ""]) => [label, value]),
    ),
  }));
}
