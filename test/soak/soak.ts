import { setTimeout as delay } from "node:timers/promises";

import { Inspector, inspectorEnv } from "../hostile/judging/inspector.ts";
import { spawnService } from "../support/process/run-service.ts";
import { Random } from "../support/runs/random.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { Beach, type Place } from "./load/beach.ts";
import { type Around, disturb, renewAsBefore, visitPages } from "./load/callers.ts";
import { type Sample, takeSample } from "./sample.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly sessions: number;
  readonly sampleEveryMs: number;
  readonly seed: number;
  /** Ends the soak early; what was seen until then counts. */
  readonly signal: AbortSignal;
  readonly onSample: (sample: Sample) => void;
  /** A module that the service's process loads first, by its URL. */
  readonly preload?: string;
}

/** What came of a soak. */
export interface Soaked {
  readonly samples: readonly Sample[];
  /** How often the load did what. */
  readonly done: ReadonlyMap<string, number>;
  /** With 0 after its drain. */
  readonly exitCode: number | null;
}

/** So many sessions for each of the callers. */
const sessionsPerPage = 4;
const sessionsPerOldTile = 10;

/** Runs a process of the service, with its SQLite file, under a steady load. */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const { sessions, seed, preload } = options;
  await using folder = await storeFolder();
  await using service = await spawnService(
    {
      ...inspectorEnv,
      LEASE_STORE_URL: `sqlite:${folder.storePath}`,
      LEASE_LOG_LEVEL: "error",
    },
    { preload },
  );
  const inspector = await Inspector.attach(service.stderr);
  const { addresses } = service;
  const place = { grpcUrl: `http://${addresses.grpc}`, httpUrl: `http://${addresses.http}` };
  const done = new Map<string, number>();
  const load = startLoad({ place, sessions, seed }, (what) =>
    done.set(what, (done.get(what) ?? 0) + 1),
  );
  const samples = await watch(options, (at) =>
    takeSample(service.opsUrl("/metrics"), inspector, at),
  );
  await load.end();
  // A process does not end while somebody is at its inspector.
  inspector[Symbol.dispose]();
  const { code } = await service.stop();
  return { samples, done, exitCode: code };
}

async function watch(
  { minutes, sampleEveryMs, signal, onSample }: SoakOptions,
  take: (at: number) => Promise<Sample>,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const startedAt = performance.now();
  const sinceStart = (): number => performance.now() - startedAt;
  while (!signal.aborted && sinceStart() < minutes * 60_000) {
    await delay(sampleEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const sample = await take(sinceStart() / 1000);
    samples.push(sample);
    onSample(sample);
  }
  return samples;
}

interface LoadOptions {
  readonly place: Place;
  readonly sessions: number;
  readonly seed: number;
}

function startLoad(
  { place, sessions, seed }: LoadOptions,
  count: (what: string) => void,
): { end(): Promise<void> } {
  const over = new AbortController();
  const random = new Random(seed);
  const beach = new Beach(place, sessions, random.fork());
  const around = (): Around => ({
    place,
    beach,
    random: random.fork(),
    signal: over.signal,
    count,
  });
  const many = (perCaller: number, call: (around: Around) => Promise<void>): Promise<void>[] =>
    Array.from({ length: Math.ceil(sessions / perCaller) }, () => call(around()));
  const working = beach
    .start()
    .then(() =>
      Promise.all([
        ...many(sessionsPerPage, visitPages),
        ...many(sessionsPerOldTile, renewAsBefore),
        disturb(around()),
      ]),
    );
  return {
    async end() {
      over.abort();
      await working;
      await beach[Symbol.asyncDispose]();
    },
  };
}
