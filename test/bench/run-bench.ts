import type { Cores } from "../support/process/cores.ts";
import type { Part, Size } from "./bench.ts";
import { h2loadVersion } from "./load/h2load.ts";
import { thisMachine } from "./report/machine.ts";
import { type PartReport, partReport, type Report } from "./report/report.ts";
import { FilledFiles } from "./sessions/filled-files.ts";

export interface Order {
  readonly command: string;
  readonly parts: readonly Part[];
  readonly size: Size;
  readonly cores: Cores | undefined;
  readonly say: (line: string) => void;
}

/**
 * Runs the parts one after the other, and says what it is at and how long it will take. A part that
 * fails costs the others nothing: the report says that it is missing, and why.
 */
export async function runBench({ command, parts, size, cores, say }: Order): Promise<Report> {
  const startedAt = new Date();
  const from = performance.now();
  const reports: PartReport[] = [];
  const failures: string[] = [];
  using files = new FilledFiles(cores);
  for (const [index, part] of parts.entries()) {
    const left = parts.slice(index).reduce((sum, { seconds }) => sum + seconds(size), 0);
    say(`${part.title} (about ${minutes(left)} from here on)`);
    const progress = (what: string): void => say(`  ${clock(from)} ${what}`);
    try {
      reports.push(partReport(part, await part.run({ size, cores, files, progress })));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failures.push(`Not measured, since it failed: ${part.title} (${part.name}): ${why}`);
      progress(`failed: ${why}`);
    }
  }
  return {
    command,
    startedAt: startedAt.toISOString(),
    tookSeconds: (performance.now() - from) / 1000,
    machine: thisMachine(cores),
    remarks: [...remarks, ...failures],
    parts: reports,
  };
}

const remarks = [
  callersRemark(h2loadVersion),
  "A renewal is answered before it is on disk everywhere: the service writes the new expiry to SQLite within a second, etcd keeps it in memory alone, and in neither is it a consensus write.",
  "A cost is processor time of the server's process for one renewal, all its threads together; a ratio above 1 is better than what it is compared with.",
];

function callersRemark(version: string | undefined): string {
  const ours = "our own client on node:http2";
  if (version === undefined) return `All calls came from ${ours}, since there is no h2load.`;
  return `Costs of unary calls were measured under h2load ${version}; all other calls came from ${ours}: streams, latencies, growth, Redis, and the rows in which all leases are renewed in turn.`;
}

function clock(from: number): string {
  const seconds = Math.round((performance.now() - from) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
