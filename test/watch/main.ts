import {
  numberAbove0,
  readCommandOptions,
  wholeNumberFrom,
} from "../support/runs/command-options.ts";
import { serialisingMicros } from "./serialising.ts";
import type { FanOutFigures } from "./size-run.ts";
import { runFanOut, runFloor, runMixed } from "./size-run.ts";

const usage = `npm run watch-size -- [--streams N] [--seconds S] [--help]

Measures many watch streams, with the service in its own process:
- N streams (10000) on one session over a few connections: the cost of each while it is idle, and the
  time that a change takes to reach them all, compared with grpc-js and the same message;
- the cost of a state for each reader: over gRPC, which serialises it once for all readers, and over
  Connect, binary and JSON, which serialises it for each;
- fast, slow and stalled readers beside N idle streams for S seconds (55) while their session changes
  10000 times: memory, and whether each reader ends with the last state.
Exits with 1 when a reader ends with anything else.`;

const { streams, seconds } = readCommandOptions("watch-size", usage, {
  streams: wholeNumberFrom(1_000, 10_000),
  seconds: numberAbove0(55),
});

/** With HTTP/1.1 each has a connection, and so a descriptor, of its own. */
const fewStreams = 1_000;

await measureAll();

async function measureAll(): Promise<void> {
  const service = await runFanOut(streams, "gRPC");
  const floor = await runFloor(streams, service.message);
  show(`${streams} streams over gRPC`, service);
  show("grpc-js alone, same message", floor);
  print(`fan-out: ${(median(service.fanOutMs) / median(floor.fanOutMs)).toFixed(2)} × the floor`);
  let wrong = service.wrong;
  for (const way of ["gRPC", "Connect", "Connect with JSON"] as const) {
    const figures = await runFanOut(fewStreams, way);
    show(`${fewStreams} streams over ${way}`, figures);
    wrong += figures.wrong;
  }
  const { proto, json } = serialisingMicros(service.message);
  print(`to serialise a state takes ${proto.toFixed(1)} µs of that, or ${json.toFixed(1)} as JSON`);
  wrong += await measureMixed();
  print(wrong === 0 ? "every reader ended with the truth" : `${wrong} readers ended wrong`);
  process.exitCode = wrong === 0 ? 0 : 1;
}

async function measureMixed(): Promise<number> {
  const run = { fast: 20, slow: 100, stalled: 500, changes: 10_000 };
  const mixed = await runMixed({
    ...run,
    idle: streams - run.fast - run.slow - run.stalled,
    durationMs: seconds * 1000,
  });
  const { early, late, states, leastMerged, wrong } = mixed;
  print(
    `${run.changes} changes in ${seconds} s for ${run.fast} fast, ${run.slow} slow and ` +
      `${run.stalled} stalled readers of ${streams}: heap ${megabytes(early.heap)} after a fifth, ` +
      `${megabytes(late.heap)} after all; rss ${megabytes(early.rss)}, ${megabytes(late.rss)}`,
  );
  print(
    `states sent to each: fast ${states.fast.toFixed()}, slow ${states.slow.toFixed()}, stalled ` +
      `${states.stalled.toFixed()}, whose last one stood for at least ${leastMerged} more`,
  );
  return wrong.fast + wrong.slow + wrong.stalled;
}

function show(what: string, figures: FanOutFigures): void {
  const { bytesPerStream, rssPerStream, fanOutMs, cpuMicrosPerMessage } = figures;
  print(
    `${what}: ${kilobytes(bytesPerStream)} of heap and ${kilobytes(rssPerStream)} of rss each; ` +
      `one change to all in ${median(fanOutMs).toFixed()} ms (${Math.max(...fanOutMs).toFixed()} ` +
      `at most), ${cpuMicrosPerMessage.toFixed(1)} µs of processor a message`,
  );
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
