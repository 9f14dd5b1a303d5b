import { writeFile } from "node:fs/promises";

import {
  numberAbove0,
  optional,
  readCommandOptions,
  text,
  wholeNumberFrom,
} from "../support/runs/command-options.ts";
import { chartOf } from "./chart.ts";
import { isSound, progressOf, reportOf } from "./report.ts";
import { soak } from "./soak.ts";
import { samplesMin, trendsOf } from "./verdict.ts";

const help = `Runs a process of the service with a SQLite file under a steady load, and says whether its memory,
handles and timers stay flat.

  npm run soak -- [--minutes M] [options]

  --minutes M   how long (default: 30)
  --sessions N  how many sessions, each with a host; a page for every 4 of them and an old client for
                every 10 (default: 24)
  --every S     seconds between two samples (default: 10)
  --seed N      what the load does when follows from it (default: 1)
  --chart FILE  writes the samples as a chart in SVG
  --json FILE   writes samples, trends and what the load did as JSON
  --help        print this text

Tiles come, renew and leave; hosts watch and report; connections break, hosts restart, sessions end and
begin again, operators renegotiate, old clients post. Each sample reads /metrics and has the process
collect its garbage. At the end a line is fitted through the later half of each measure. It is flat
when what it grew by, less twice its standard error, is within the bound that is printed. Exits with 1
otherwise, with fewer than ${samplesMin} samples, and when the process does not end with 0. Ctrl-C ends it early, with a
verdict on what there is.
`;

const { minutes, sessions, every, seed, chart, json } = readCommandOptions("soak", help, {
  minutes: numberAbove0(30),
  sessions: wholeNumberFrom(1, 24),
  every: numberAbove0(10),
  seed: wholeNumberFrom(0, 1),
  chart: optional(text("")),
  json: optional(text("")),
});

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ending.abort());

const soaked = await soak({
  minutes,
  sessions,
  sampleEveryMs: every * 1000,
  seed,
  signal: ending.signal,
  onSample: (sample) => print(progressOf(sample)),
});
const trends = trendsOf(soaked.samples);
if (chart !== undefined) await writeFile(chart, chartOf(soaked.samples, trends));
if (json !== undefined) {
  const report = {
    minutes,
    sessions,
    seed,
    ...soaked,
    done: Object.fromEntries(soaked.done),
    trends,
  };
  await writeFile(json, `${JSON.stringify(report, null, 1)}\n`);
}
print(reportOf(soaked, trends));
process.exitCode = soaked.exitCode === 0 && isSound(trends) ? 0 : 1;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
