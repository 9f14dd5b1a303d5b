import { setTimeout as sleep } from "node:timers/promises";

import { type RedisServer, startRedis } from "../support/redis/redis-server.ts";
import { type Contestant, startContestant } from "./contestant.ts";
import { type Choice, type Load, unaryLoad } from "./load/load.ts";

/** By connections that stay where they are: who renewed a lease before renews it again. */
export const byConnection: Choice = (lease, _pass, count) => lease % count;
/** By calls: a lease is renewed wherever it was not renewed last. */
export const byTurns: Choice = (lease, pass, count) => (lease + pass) % count;

/** What a fleet did in a stretch of renewals. */
export interface SharedStretch {
  /** Processor time of the measured process for each renewal that all of them made. */
  readonly processMicros: number;
  /** Processor time of Redis for a renewal. */
  readonly redisMicros: number;
  /** Commits that Redis was asked for, by the renewals that came of them. */
  readonly callsPerRenewal: number;
}

/** Processes that share a Redis of their own. */
export class SharedFleet {
  readonly contestants: readonly Contestant[];
  readonly #leases: number;
  readonly #redis: RedisServer;

  private constructor(leases: number, redis: RedisServer, contestants: readonly Contestant[]) {
    this.#leases = leases;
    this.#redis = redis;
    this.contestants = contestants;
  }

  static async start(
    processes: number,
    leases: number,
    stack: AsyncDisposableStack,
  ): Promise<SharedFleet> {
    const redis = stack.use(await startRedis());
    const args = ["--store", redis.url, "--leases", String(leases)];
    const contestants: Contestant[] = [];
    // One after the other, since each begins with granting what there is to renew.
    while (contestants.length < processes) {
      contestants.push(stack.use(await startContestant("lease-server.ts", { args })));
    }
    return new SharedFleet(leases, redis, contestants);
  }

  /**
   * What it does under the load, once that has come to each lease.
   *
   * @param measured whose processor time counts
   */
  async measure(load: Load, ms: number, measured: Contestant): Promise<SharedStretch> {
    // Before, a process may not have made the newest renewal of those that are sent to it.
    await renewFor(load, (renewals) => renewals >= this.#leases);
    const before = await this.#used(measured);
    const renewals = await renewFor(load, (_, passedMs) => passedMs > ms);
    const after = await this.#used(measured);
    return {
      processMicros: (after.processMicros - before.processMicros) / renewals,
      redisMicros: (after.redisMicros - before.redisMicros) / renewals,
      callsPerRenewal: (after.commits - before.commits) / renewals,
    };
  }

  async #used(measured: Contestant) {
    const info = String(await this.#redis.command("INFO", "everything"));
    const number = (name: string): number =>
      Number(new RegExp(`^${name}[:=]([\\d.]+)`, "m").exec(info)?.[1] ?? 0);
    const calls = (command: string): number => number(`cmdstat_${command}:calls`);
    return {
      processMicros: await measured.cpuMicros(),
      redisMicros: (number("used_cpu_user") + number("used_cpu_sys")) * 1e6,
      // Scripts but the heartbeats, which alone ask the time.
      commits: calls("evalsha") + calls("eval") - calls("time"),
    };
  }
}

/**
 * Makes so many renewals, as fast as it can, so that the code of all is compiled alike. One that is
 * offered half the load would get there in twice the time.
 */
export async function warmUp(contestant: Contestant, renewals: number): Promise<void> {
  await renewFor(unaryLoad(contestant.unary(), inFlight), (made) => made >= renewals);
}

const inFlight = 64;

/** Share of a core that a process uses while nobody calls. */
export async function idleCores(contestant: Contestant, ms: number): Promise<number> {
  const before = { at: performance.now(), micros: await contestant.cpuMicros() };
  await sleep(ms);
  const micros = (await contestant.cpuMicros()) - before.micros;
  return micros / 1000 / (performance.now() - before.at);
}

/** Renews until it is enough, and waits for the answers; resolves to how many there were. */
export async function renewFor(
  load: Load,
  isEnough: (renewals: number, passedMs: number) => boolean,
): Promise<number> {
  const startedAt = performance.now();
  let renewals = 0;
  const count = (some: number): void => {
    renewals += some;
  };
  await load(count, () => isEnough(renewals, performance.now() - startedAt));
  return renewals;
}
