import { hasOpenssl, issueCertificate, trust } from "../../support/network/certificates.ts";
import type { Way } from "../../watch/raw-streams.ts";
import { type FanOutFigures, runFanOut, runFloor } from "../../watch/size-run.ts";
import type { Bench, Part } from "../bench.ts";
import { bounded, compared, type Figure, type Findings, type Row, rowOf } from "../report/row.ts";

export const watchPart: Part = {
  name: "watch",
  title: "Watch streams",
  seconds: ({ streams, changes, changesForOne }) =>
    4 * (5 + (streams * (changes + 30)) / 80_000) + (3 * changesForOne) / 150,
  run,
};

/** With HTTP/1.1 each has a connection, and so a descriptor, of its own. */
const streamsMaxOverHttp1 = 1_000;
const limits = { streams: 10_000, bytesEach: 18_000, allMs: 150, oneMs: 10 };

interface Stack {
  readonly way: Way;
  readonly name: string;
  readonly streams: number;
  readonly args: readonly string[];
}

async function run(bench: Bench): Promise<Findings> {
  const { size, cores, progress } = bench;
  await using certificates = hasOpenssl ? await issueCertificate("IP:127.0.0.1") : undefined;
  const rows: Row[] = [];
  for (const { way, name, streams, args } of stacksOf(size.streams, certificates)) {
    progress(`watch: one change to ${streams} streams over ${name}`);
    const start = { args: ["--sqlite", ...args], cores };
    const all = await runFanOut(streams, way, { ...start, changes: size.changes });
    progress(`watch: one change to one stream over ${name}`);
    const one = await runFanOut(1, way, {
      ...start,
      warmUpChanges: size.changesForOne / 2,
      changes: size.changesForOne,
    });
    rows.push(...rowsOf(`${name}, ${streams} streams`, all, limitsOf(way, streams)));
    rows.push(...timesOf(`${name}, a change to one watcher`, one, limits.oneMs));
    if (way === "gRPC") rows.push(await besideFloor(bench, all));
  }
  return {
    rows,
    notes: hasOpenssl ? [] : ["over HTTP/2 Connect needs TLS, and there is no openssl"],
  };
}

function stacksOf(
  streams: number,
  files:
    | { readonly authority: string; readonly certificate: string; readonly key: string }
    | undefined,
): readonly Stack[] {
  const inClear: readonly Stack[] = [
    { way: "gRPC", name: "gRPC", streams, args: [] },
    {
      way: "Connect",
      name: "Connect over HTTP/1.1",
      streams: Math.min(streams, streamsMaxOverHttp1),
      args: [],
    },
  ];
  if (files === undefined) return inClear;
  trust(files);
  const args = ["--certificate", files.certificate, "--key", files.key];
  const way = "Connect over HTTP/2";
  return [...inClear, { way, name: `${way} and TLS`, streams, args }];
}

/** The limits hold for ten thousand streams, and that of memory for gRPC. */
function limitsOf(way: Way, streams: number): Partial<typeof limits> {
  const { bytesEach, allMs } = limits;
  if (streams < limits.streams) return {};
  return way === "gRPC" ? { bytesEach, allMs } : { allMs };
}

function rowsOf(
  name: string,
  figures: FanOutFigures,
  { bytesEach, allMs }: Partial<typeof limits>,
): readonly Row[] {
  const memory: Figure = {
    name: `${name}: memory of each`,
    unit: "B",
    values: [figures.bytesPerStream],
  };
  return [bounded(memory, bytesEach), ...timesOf(`${name}: a change to all`, figures, allMs)];
}

function timesOf(
  name: string,
  { fanOutMs }: FanOutFigures,
  limitMs: number | undefined,
): readonly Row[] {
  const sorted = fanOutMs.toSorted((a, b) => a - b);
  const at = (share: number): readonly number[] => [
    sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN,
  ];
  return [
    rowOf({ name: `${name}, p50`, unit: "ms", values: at(0.5) }),
    bounded({ name: `${name}, p99`, unit: "ms", values: at(0.99) }, limitMs),
  ];
}

/** grpc-js alone with the same message, which every reader is sent. */
async function besideFloor(
  { size, cores, progress }: Bench,
  own: Awaited<ReturnType<typeof runFanOut>>,
): Promise<Row> {
  progress(`watch: the same message to ${size.streams} streams of grpc-js alone`);
  const floor = await runFloor(size.streams, own.message, cores);
  return compared(
    {
      name: "gRPC, a message to a watcher",
      unit: "µs a message",
      values: [own.cpuMicrosPerMessage],
    },
    { with: "floor", name: "grpc-js alone", values: [floor.cpuMicrosPerMessage] },
  );
}
