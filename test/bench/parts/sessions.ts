import type { Bench, Part } from "../bench.ts";
import { startContestant } from "../contestant.ts";
import { measureExpiries } from "../expiries.ts";
import type { FilledFile } from "../filled-files.ts";
import { bounded, type Figure, type Findings, type Row } from "../report/row.ts";
import { secondsToFill, secondsToStart } from "../seconds.ts";

export const sessionsPart: Part = {
  name: "sessions",
  title: "Many sessions",
  seconds: ({ expiries, recovered }) =>
    10 +
    expiries / 2_500 +
    recovered.reduce(
      (sum, count) => sum + secondsToFill(count) + restarts * secondsToStart(count),
      0,
    ),
  run,
};

const limits = {
  sessions: 1_000_000,
  bytes: 1_200,
  expiries: 100_000,
  stallMs: 50,
  recoverySeconds: 10,
};
const restarts = 3;

async function run(bench: Bench): Promise<Findings> {
  const { size, cores, files, progress } = bench;
  progress(`sessions: ${size.expiries} leases end in a second`);
  const { stallMs, tookMs } = await measureExpiries(size.expiries, cores);
  const stall: Figure = {
    name: `longest turn of the loop while ${size.expiries} leases end in a second`,
    unit: "ms",
    values: [stallMs],
  };
  const rows: Row[] = [
    bounded(stall, size.expiries >= limits.expiries ? limits.stallMs : undefined),
  ];
  for (const count of size.recovered) {
    progress(`sessions: filling a file with ${count}`);
    const file = await files.with(count);
    const isJudged = count >= limits.sessions;
    const name = `memory of a session with a lease and an active transport, among ${count}`;
    rows.push(
      bounded({ name, unit: "B", values: [file.bytesEach] }, isJudged ? limits.bytes : undefined),
      bounded(await recovery(bench, file, count), isJudged ? limits.recoverySeconds : undefined),
    );
  }
  return {
    rows,
    notes: [`the last of the leases had ended ${(tookMs / 1000).toFixed(1)} s after the first`],
  };
}

/** From the start of a process on the file of a killed one until it serves. */
async function recovery(
  { cores, progress }: Bench,
  { path }: FilledFile,
  count: number,
): Promise<Figure> {
  const values: number[] = [];
  for (let restart = 1; restart <= restarts; restart += 1) {
    progress(`sessions: restart ${restart} of ${restarts} after kill -9 with ${count}`);
    const from = performance.now();
    await using _ = await startContestant("lease-server.ts", { args: ["--file", path], cores });
    values.push((performance.now() - from) / 1000);
  }
  return { name: `from kill -9 to serving again, ${count} sessions`, unit: "s", values };
}
