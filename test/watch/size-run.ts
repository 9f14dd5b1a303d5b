import { setTimeout as sleep } from "node:timers/promises";

import { toBinary } from "@bufbuild/protobuf";
import { credentials, Client as GrpcClient } from "@grpc/grpc-js";

import {
  ControllerLease,
  type WatchTransportResponse,
  WatchTransportResponseSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { Cores } from "../support/process/cores.ts";
import { Caller, wrongReaders } from "./caller.ts";
import {
  type MeasuredProcess,
  type MeasuredStart,
  startMeasured,
  type Usage,
} from "./measured-process.ts";
import type { Habit, RawReader } from "./raw-reader.ts";
import { openStreams, type RawStreams, type Way } from "./raw-streams.ts";

export interface FanOutFigures {
  /** On the heap and in buffers beside it, and as the kernel sees it. */
  readonly bytesPerStream: number;
  readonly rssPerStream: number;
  /** Of each change: from its call until the last reader has it. */
  readonly fanOutMs: readonly number[];
  /** Processor time of the server for each message that it sent. */
  readonly cpuMicrosPerMessage: number;
}

export interface FanOut extends FanOutFigures {
  /** Readers that did not end with the truth. */
  readonly wrong: number;
  /** A message as every reader got it. */
  readonly message: WatchTransportResponse;
}

const sessionId = "session-1";
/** How often the session changes, before and while it is measured, and how the service starts. */
export interface FanOutRun extends MeasuredStart {
  readonly warmUpChanges?: number;
  readonly changes?: number;
}

/** Idle streams on one session, which then changes a few times: each change has to reach them all. */
export async function runFanOut(streams: number, way: Way, run: FanOutRun = {}): Promise<FanOut> {
  await using service = await startMeasured("service-process.ts", run);
  using caller = await callerOf(service);
  const before = await service.usage();
  using opened = await openStreams(service, way, { sessionId, streams, habit: "fast" });
  const { readers } = opened;
  await allUntil(readers, ({ received }) => received >= 2);
  const figures = await measureFanOut(service, before, {
    readers,
    change: () => caller.change(),
    ...run,
  });
  const truth = await caller.settledTruth(readers);
  const [first] = readers;
  if (first === undefined) throw new Error("a fan-out needs streams");
  return { ...figures, wrong: wrongReaders(readers, truth), message: first.last };
}

/** The same with grpc-js alone, and the message given. */
export async function runFloor(
  streams: number,
  message: WatchTransportResponse,
  cores?: Cores,
): Promise<FanOutFigures> {
  await using floor = await startMeasured("floor-process.ts", { cores });
  const client = new GrpcClient(floor.grpc, credentials.createInsecure());
  const path = `/${ControllerLease.typeName}/Acquire`;
  const bytes = Buffer.from(toBinary(WatchTransportResponseSchema, message));
  const change = (): Promise<void> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, unchanged, unchanged, bytes, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  const before = await floor.usage();
  using opened = await openStreams(floor, "gRPC", { sessionId, streams, habit: "fast" });
  await allUntil(opened.readers, ({ received }) => received >= 1);
  const figures = await measureFanOut(floor, before, { readers: opened.readers, change });
  client.close();
  return figures;
}

interface FanOutSubject {
  readonly readers: readonly RawReader[];
  readonly change: () => Promise<void>;
  readonly warmUpChanges?: number;
  readonly changes?: number;
}

async function measureFanOut(
  server: MeasuredProcess,
  before: Usage,
  { readers, change, warmUpChanges = 0, changes = 30 }: FanOutSubject,
): Promise<FanOutFigures> {
  const after = await server.usage();
  const changeAndAwait = async (): Promise<number> => {
    const wanted = new Map(readers.map((reader) => [reader, reader.states + 1]));
    const reached = allUntil(readers, (reader) => reader.states >= (wanted.get(reader) ?? 0));
    const from = performance.now();
    await Promise.all([change(), reached]);
    return performance.now() - from;
  };
  for (let change = 0; change < warmUpChanges; change += 1) await changeAndAwait();
  const cpuBefore = await server.cpuMicros();
  const fanOutMs: number[] = [];
  while (fanOutMs.length < changes) fanOutMs.push(await changeAndAwait());
  const cpuMicros = (await server.cpuMicros()) - cpuBefore;
  return {
    bytesPerStream: (after.heap - before.heap) / readers.length,
    rssPerStream: (after.rss - before.rss) / readers.length,
    fanOutMs,
    cpuMicrosPerMessage: cpuMicros / (readers.length * changes),
  };
}

export interface MixedRun {
  /** Readers of another session, which does not change. */
  readonly idle: number;
  readonly fast: number;
  readonly slow: number;
  readonly stalled: number;
  readonly changes: number;
  /** The changes are spread over this long; 0: each as soon as the one before is answered. */
  readonly durationMs: number;
}

export interface Mixed {
  /** Of the service, when a fifth and when all of the changes have been made. */
  readonly early: Usage;
  readonly late: Usage;
  /** Readers of each habit that did not end with the truth. */
  readonly wrong: Readonly<Record<Habit, number>>;
  /** States that the readers of each habit were sent, on average. */
  readonly states: Readonly<Record<Habit, number>>;
  /** States merged into the last one that each stalled reader got, the least of all. */
  readonly leastMerged: number;
}

/**
 * Readers of every habit on one session while that changes many times; then all read on, and each
 * has to end with the truth.
 */
export async function runMixed(run: MixedRun): Promise<Mixed> {
  await using service = await startMeasured("service-process.ts");
  using caller = await callerOf(service);
  await using streams = new AsyncDisposableStack();
  const open = async (id: string, habit: Habit, count: number): Promise<RawStreams> =>
    streams.use(await openStreams(service, "gRPC", { sessionId: id, streams: count, habit }));
  await open("another", "fast", run.idle);
  const { readers: fast } = await open(sessionId, "fast", run.fast);
  const { readers: slow } = await open(sessionId, "slow", run.slow);
  const { readers: stalled } = await open(sessionId, "stalled", run.stalled);

  const from = performance.now();
  const changeUpTo = async (first: number, end: number): Promise<void> => {
    for (let change = first; change < end; change++) {
      const wait = from + (run.durationMs * change) / run.changes - performance.now();
      if (wait > 1) await sleep(wait);
      await caller.change();
    }
  };
  const fifth = Math.floor(run.changes / 5);
  await changeUpTo(0, fifth);
  const early = await service.usage();
  await changeUpTo(fifth, run.changes);
  const late = await service.usage();

  for (const reader of [...slow, ...stalled]) reader.readOn();
  const truth = await caller.settledTruth([...fast, ...slow, ...stalled]);
  return {
    early,
    late,
    wrong: {
      fast: wrongReaders(fast, truth),
      slow: wrongReaders(slow, truth),
      stalled: wrongReaders(stalled, truth),
    },
    states: { fast: meanStates(fast), slow: meanStates(slow), stalled: meanStates(stalled) },
    leastMerged: Math.min(...stalled.map(({ mostMerged }) => mostMerged)),
  };
}

async function callerOf(service: MeasuredProcess): Promise<Caller> {
  const caller = new Caller(service.grpc, sessionId);
  await caller.attach();
  return caller;
}

async function allUntil(
  readers: readonly RawReader[],
  isThere: (reader: RawReader) => boolean,
): Promise<void> {
  await Promise.all(readers.map((reader) => reader.until(isThere)));
}

function meanStates(readers: readonly RawReader[]): number {
  return readers.reduce((sum, { states }) => sum + states, 0) / readers.length;
}

function unchanged(bytes: Buffer): Buffer {
  return bytes;
}
