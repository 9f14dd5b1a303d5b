import type { Bench, Part } from "../bench.ts";
import { startContestant } from "../contestant.ts";
import { bounded, type Figure, type Findings, type Row, rowOf } from "../report/row.ts";
import { secondsToFill, secondsToStart } from "../seconds.ts";
import { type Expiries, measureExpiries } from "../sessions/expiries.ts";
import type { FilledFile } from "../sessions/filled-files.ts";

export const sessionsPart: Part = {
  name: "sessions",
  title: "Many sessions",
  seconds: ({ expiries, recovered }) =>
    roundsOf(expiries) * (10 + expiries / 2_500) +
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
/** Rounds in which leases end: several where the longest turn is judged. */
const roundsOf = (expiries: number): number => (expiries >= limits.expiries ? 3 : 1);

async function run(bench: Bench): Promise<Findings> {
  const { size, cores, files, progress } = bench;
  const ends: Expiries[] = [];
  const rounds = roundsOf(size.expiries);
  for (let round = 1; round <= rounds; round += 1) {
    progress(`sessions: ${size.expiries} leases end in a second, ${round} of ${rounds}`);
    ends.push(await measureExpiries(size.expiries, cores));
  }
  const turn = `longest turn of the loop while ${size.expiries} leases end in a second`;
  const wall = { name: turn, unit: "ms", values: ends.map(({ longest }) => longest.wallMs) };
  const cpu = ends.map(({ longest }) => longest.cpuMs);
  const rows: Row[] = [
    bounded(wall, size.expiries >= limits.expiries ? limits.stallMs : undefined),
    rowOf({ name: `${turn}: its processor time`, unit: "ms", values: cpu }),
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
    notes: [
      `the last of the leases had ended ${ends.map(({ tookMs }) => (tookMs / 1000).toFixed(1)).join(", ")} s after the first`,
      "garbage collection, the thread that writes the file and the loop share the one core of a server, so a turn may take longer on the clock than of processor",
    ],
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
