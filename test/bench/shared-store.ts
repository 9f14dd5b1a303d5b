import { setTimeout as sleep } from "node:timers/promises";

import { type RedisServer, startRedis } from "../support/redis/redis-server.ts";
import { type Contestant, startContestant } from "./contestant.ts";
import { type Choice, type Load, pacedLoad, type Stretch } from "./load.ts";

/** How many processes share a Redis, and which of them is sent what. */
export interface Fleet {
  readonly processes: number;
  readonly choose: Choice;
}

/** By connections that stay where they are: who renewed a lease before renews it again. */
export const byConnection: Choice = (lease, _pass, count) => lease % count;
/** By calls: a lease is renewed wherever it was not renewed last. */
export const byTurns: Choice = (lease, pass, count) => (lease + pass) % count;

/** What a fleet did in a stretch of renewals. */
export interface SharedStretch {
  readonly renewalsPerSecond: number;
  /** Share of a core that one of its processes used; and what it is while nobody renews. */
  readonly cores: number;
  readonly idleCores: number;
  /** Commits that Redis was asked for, by the renewals that came of them. */
  readonly callsPerRenewal: number;
}

/**
 * Offers the same rate of renewals to several fleets, each of fresh processes on a fresh Redis; to
 * all of them at the same time, so that whatever else the machine does hits them alike.
 */
export async function measureShared(
  fleets: readonly Fleet[],
  offered: Offered,
): Promise<readonly SharedStretch[]> {
  await using stack = new AsyncDisposableStack();
  const { leases, stretch } = offered;
  const running = await Promise.all(fleets.map((fleet) => startFleet(fleet, leases, stack)));
  await sleep(stretch.warmUpMs);
  const idle = await Promise.all(running.map((fleet) => idleCoresOf(fleet, stretch.ms)));
  return await Promise.all(
    running.map(async (fleet, index) => ({
      ...(await offer(fleet, offered)),
      idleCores: idle[index] ?? Number.NaN,
    })),
  );
}

/** What is offered to each fleet. */
export interface Offered {
  readonly leases: number;
  readonly perSecond: number;
  readonly stretch: Stretch;
}

interface RunningFleet {
  readonly leases: number;
  readonly redis: RedisServer;
  readonly contestants: readonly Contestant[];
  readonly choose: Choice;
}

async function startFleet(
  { processes, choose }: Fleet,
  leases: number,
  stack: AsyncDisposableStack,
): Promise<RunningFleet> {
  const redis = stack.use(await startRedis());
  const contestants: Contestant[] = [];
  // One after the other, since each begins with granting what there is to renew.
  while (contestants.length < processes) {
    const args = ["--store", redis.url, "--leases", String(leases)];
    contestants.push(stack.use(await startContestant("lease-server.ts", { args })));
  }
  return { leases, redis, contestants, choose };
}

async function offer(
  fleet: RunningFleet,
  { perSecond, stretch: { warmUpMs, ms } }: Offered,
): Promise<Omit<SharedStretch, "idleCores">> {
  const { leases, redis, contestants, choose } = fleet;
  const load = pacedLoad(contestants, perSecond, choose);
  // At least once each: before, all leases are best known to the process that was started last.
  await renewFor(load, (renewals, passedMs) => renewals >= leases && passedMs > warmUpMs);
  const before = { commits: await commitsOf(redis), usedMs: await usedBy(fleet) };
  const { renewals, passedMs } = await renewFor(load, (_, passed) => passed > ms);
  const usedMs = (await usedBy(fleet)) - before.usedMs;
  const commits = (await commitsOf(redis)) - before.commits;
  return {
    renewalsPerSecond: (renewals / passedMs) * 1000,
    cores: usedMs / passedMs,
    callsPerRenewal: commits / renewals,
  };
}

/** Renews until it is enough, and waits for the answers. */
async function renewFor(
  load: Load,
  isEnough: (renewals: number, passedMs: number) => boolean,
): Promise<{ readonly renewals: number; readonly passedMs: number }> {
  const startedAt = performance.now();
  const passedMs = (): number => performance.now() - startedAt;
  let renewals = 0;
  const count = (some: number): void => {
    renewals += some;
  };
  await load(count, () => isEnough(renewals, passedMs()));
  return { renewals, passedMs: passedMs() };
}

async function idleCoresOf(fleet: RunningFleet, ms: number): Promise<number> {
  const before = { usedMs: await usedBy(fleet), at: performance.now() };
  await sleep(ms);
  return ((await usedBy(fleet)) - before.usedMs) / (performance.now() - before.at);
}

/** Processor time that one process of the fleet has used on average. */
async function usedBy({ contestants }: RunningFleet): Promise<number> {
  const micros = await Promise.all(contestants.map((contestant) => contestant.cpuMicros()));
  return micros.reduce((sum, one) => sum + one, 0) / micros.length / 1000;
}

/** How often the server was asked to commit: its scripts but the heartbeats, which alone ask the time. */
async function commitsOf(redis: RedisServer): Promise<number> {
  const stats = String(await redis.command("INFO", "commandstats"));
  const calls = (name: string): number =>
    Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
  return calls("evalsha") + calls("eval") - calls("time");
}
