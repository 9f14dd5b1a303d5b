import { readFileSync, writeFileSync } from "node:fs";
import { findCores, keepCallersOn } from "../support/process/cores.ts";
import {
  type CommandOption,
  flag,
  optional,
  readCommandOptions,
  text,
} from "../support/runs/command-options.ts";
import type { Part } from "./bench.ts";
import { full, parts, partsNamed, quick } from "./plan.ts";
import { chartOf } from "./report/chart.ts";
import { withSpeed } from "./report/markdown.ts";
import { textOf } from "./report/table.ts";
import { runBench } from "./run-bench.ts";

const usage = `npm run bench -- [--quick] [--only NAME,...] [--json FILE] [--chart FILE]
                 [--readme FILE] [--help]

Measures the service beside what it stands on and beside etcd, in one run. Those that are compared
take turns, each in a fresh process each time, and the median counts. Where there is taskset, servers
have one core and their callers another.

${parts.map(({ name, title }) => `  ${name.padEnd(10)}${title}`).join("\n")}

All of it takes about ${minutes(full)} minutes; etcd, h2load, redis-server and openssl are used where they are there.

  --quick          three rounds instead of five, shorter ones, and fewer sessions: ${minutes(quick)} minutes
  --only NAME,...  these parts alone
  --json FILE      writes the report there, too
  --chart FILE     and a chart of it, as SVG
  --readme FILE    and its figures into a page in Markdown, instead of those that it has`;

const partNames: CommandOption<readonly Part[] | undefined> = optional({
  type: "string",
  fallback: parts,
  read: (given) => partsNamed(String(given)),
  mustBe: `names of parts, with commas between them: ${parts.map(({ name }) => name).join(", ")}`,
});

const options = readCommandOptions("bench", usage, {
  quick: flag,
  only: partNames,
  json: optional(text("")),
  chart: optional(text("")),
  readme: optional(text("")),
});

const cores = findCores();
if (cores !== undefined) keepCallersOn(cores);
const wanted = options.only ?? parts;
const report = await runBench({
  command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
  parts: wanted,
  size: options.quick ? quick : full,
  cores,
  say: (line) => process.stderr.write(`${line}\n`),
});
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
if (options.chart !== undefined) writeFileSync(options.chart, chartOf(report));
if (options.readme !== undefined) {
  writeFileSync(options.readme, withSpeed(readFileSync(options.readme, "utf8"), report));
}
process.stdout.write(`${textOf(report)}\n`);
if (report.parts.length < wanted.length) process.exitCode = 1;

function minutes(size: typeof full): number {
  return Math.ceil(parts.reduce((sum, { seconds }) => sum + seconds(size), 0) / 60);
}
