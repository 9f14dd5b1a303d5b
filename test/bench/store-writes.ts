import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { SessionRecord } from "../../src/core/session.ts";
import type { SoleStore } from "../../src/service/session-store.ts";
import { systemClock } from "../../src/service/time/clock.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { readCommandOptions, text, wholeNumberFrom } from "../support/runs/command-options.ts";
import { busySession, insertion, revisionOf } from "../support/store/store-records.ts";

const usage = `npm run store-writes -- [--sessions N] [--folder PATH] [--help]

What commits that come at once cost on a SQLite file of N sessions (100000): how many transactions,
each one fsync, after how long all are on disk, and for how long one turn of the event loop is held
at most. Durable ones, and plain extensions that are written behind; rows that lie side by side in
the file, and on a page each. Beside the time on the clock stands that of the processor, which other
programs on the machine do not lengthen: each as the median of many rounds, what nine in ten stay
below, and the most.

  --folder   where the file lies, and so on which disk (default: the system's for temporary files)`;

const { sessions, folder } = readCommandOptions("store-writes", usage, {
  sessions: wholeNumberFrom(2_000, 100_000),
  folder: text(tmpdir()),
});

type Places = "side by side" | "on a page each";

const kinds: readonly (readonly [Places, "durable" | "behind", number])[] = [
  ["side by side", "durable", 1],
  ["side by side", "durable", 100],
  ["side by side", "durable", 1_000],
  ["on a page each", "durable", 100],
  ["on a page each", "durable", 500],
  ["on a page each", "durable", 1_000],
  ["on a page each", "durable", 2_000],
  ["on a page each", "behind", 2_000],
];
const rounds = 60;

await measureAll(sessions, folder);

async function measureAll(sessions: number, under: string): Promise<void> {
  const folder = await mkdtemp(join(under, "store-writes-"));
  const written: number[] = [];
  const store = await openSqliteStore(join(folder, "lease.db"), {
    clock: systemClock(),
    observe: (transaction) => written.push(transaction.sessions),
  });
  try {
    const records = await fill(store, sessions);
    for (const [places, durability, size] of kinds) {
      const held: Held[] = [];
      written.length = 0;
      for (let round = 0; round < rounds; round += 1) {
        const indices = chosen(sessions, size, places);
        held.push(await writeAtOnce({ store, records, durability }, indices));
      }
      report(`${size} ${durability} at once, ${places}`, written.length / rounds, held);
    }
  } finally {
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(store: SoleStore, sessions: number): Promise<SessionRecord[]> {
  const records = Array.from({ length: sessions }, (_, index) =>
    busySession({ id: `session-${index}` }),
  );
  await Promise.all(records.map((record) => store.commit(insertion(record))));
  return records;
}

function chosen(sessions: number, size: number, places: Places): readonly number[] {
  const draw = (below: number): number => Math.floor(Math.random() * below);
  const first = draw(sessions - size);
  const all = Array.from({ length: size }, (_, at) =>
    places === "side by side" ? first + at : draw(sessions),
  );
  return [...new Set(all)];
}

/** What the turn that took longest took, and all until everything was on disk. */
interface Held {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly doneMs: number;
}

interface Subject {
  readonly store: SoleStore;
  readonly records: SessionRecord[];
  readonly durability: "durable" | "behind";
}

/** Commits a change of each of these at once, and looks at every turn until all is on disk. */
async function writeAtOnce(
  { store, records, durability }: Subject,
  indices: readonly number[],
): Promise<Held> {
  const startedAt = performance.now();
  let doneMs: number | undefined;
  const commits: unknown[] = indices.map((index) => {
    const change = revisionOf(records[index] as SessionRecord, {}, { durability });
    records[index] = change.next;
    return store.commit(change);
  });
  if (durability === "behind") commits.push(store.recordAlive(0));
  const done = Promise.all(commits).then(() => {
    doneMs = performance.now() - startedAt;
  });
  let longest = { wallMs: 0, cpuMs: 0 };
  while (doneMs === undefined) {
    const before = { wall: performance.now(), cpu: process.threadCpuUsage() };
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.threadCpuUsage(before.cpu);
    longest = {
      wallMs: Math.max(longest.wallMs, performance.now() - before.wall),
      cpuMs: Math.max(longest.cpuMs, (user + system) / 1000),
    };
  }
  await done;
  return { ...longest, doneMs };
}

function report(what: string, transactions: number, held: readonly Held[]): void {
  const wall = spread(held.map(({ wallMs }) => wallMs));
  const cpu = spread(held.map(({ cpuMs }) => cpuMs));
  const done = spread(held.map(({ doneMs }) => doneMs));
  print(
    `${what}: ${transactions.toFixed(1)} transactions, on disk after ${done} ms; ` +
      `longest turn ${wall} ms on the clock, ${cpu} ms of processor`,
  );
}

function spread(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1);
  return `${at(0.5)} / ${at(0.9)} / ${at(1)}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
