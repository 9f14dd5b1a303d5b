import { setTimeout as sleep } from "node:timers/promises";

import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { type Contestant, startContestant } from "./contestant.ts";
import { type Choice, pacedLoad, warmUpMs } from "./load.ts";

/** A stretch of renewals at one rate, over one process or several that share a Redis. */
export interface SharedStretch {
  readonly renewalsPerSecond: number;
  /** Shares of a core, one of each process; and what they are while nobody renews. */
  readonly cores: readonly number[];
  readonly idleCores: readonly number[];
  /** Commits that Redis was asked for, by the renewals that came of them. */
  readonly callsPerRenewal: number;
}

/** By connections that stay where they are: who renewed a lease before renews it again. */
export const byConnection: Choice = (lease, _pass, count) => lease % count;
/** By calls: a lease is renewed wherever it was not renewed last. */
export const byTurns: Choice = (lease, pass, count) => (lease + pass) % count;

interface StretchOptions {
  readonly processes: number;
  readonly perSecond: number;
  readonly choose: Choice;
  readonly ms: number;
}

/** Offers a rate of renewals to fresh processes on a fresh Redis. */
export async function measureShared(options: StretchOptions): Promise<SharedStretch> {
  const { processes, perSecond, choose, ms } = options;
  await using redis = await startRedis();
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  // One after the other, since each begins with granting what there is to renew.
  for (let index = 0; index < processes; index++) {
    const started = await startContestant("shared", "lease-server.ts", [redis.url]);
    contestants.push(stack.use(started));
  }
  await sleep(settleMs);
  const idle = await usageWithin(ms, contestants);

  let renewals = 0;
  let isOver = false;
  const running = pacedLoad(
    contestants,
    perSecond,
    choose,
  )(
    (some) => {
      renewals += some;
    },
    () => isOver,
  );
  await sleep(warmUpMs);
  const before = renewals;
  const commitsBefore = await commitsOf(redis);
  const busy = await usageWithin(ms, contestants);
  const renewed = renewals - before;
  isOver = true;
  await running;
  const commits = (await commitsOf(redis)) - commitsBefore;
  return {
    renewalsPerSecond: (renewed / busy.ms) * 1000,
    cores: busy.cores,
    idleCores: idle.cores,
    callsPerRenewal: commits / (renewals - before),
  };
}

const settleMs = 2_000;

interface Usage {
  /** How long it was in fact. */
  readonly ms: number;
  readonly cores: readonly number[];
}

async function usageWithin(ms: number, contestants: readonly Contestant[]): Promise<Usage> {
  const read = async () => ({
    at: performance.now(),
    cpu: await Promise.all(contestants.map((contestant) => contestant.cpuMicros())),
  });
  const before = await read();
  await sleep(ms);
  const after = await read();
  const elapsed = after.at - before.at;
  return {
    ms: elapsed,
    cores: after.cpu.map((micros, index) => (micros - (before.cpu[index] ?? 0)) / 1000 / elapsed),
  };
}

/** How often the server was asked to commit: its scripts but the beats, which alone ask the time. */
async function commitsOf(redis: RedisServer): Promise<number> {
  const stats = String(await redis.command("INFO", "commandstats"));
  const calls = (name: string): number =>
    Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
  return calls("evalsha") + calls("eval") - calls("time");
}
