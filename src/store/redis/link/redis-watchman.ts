import { LRUCache } from "lru-cache";

import type { DurationMs } from "../../../core/time.ts";
import type { Clock } from "../../../service/time/clock.ts";
import { faultOf } from "./redis-check.ts";
import type { ServerInfo } from "./redis-link.ts";

/** How often to check that servers still meet the demands of the start. */
const lookEveryMs: DurationMs = 5_000;

/** How many runs of servers are remembered; every restart of a server begins one. */
const runsMax = 1_000;

interface RedisWatchmanDeps {
  readonly inform: () => Promise<readonly ServerInfo[]>;
  /** A server no longer meets the demands, or fails another one. */
  readonly onFault: (fault: string) => void;
  /** Servers have dropped so many keys since the look before, of whatever kind. */
  readonly onDropped: (keys: number) => Promise<void>;
}

/** Repeats the checks of the start: a server may be reconfigured while it runs. */
export class RedisWatchman {
  readonly #deps: RedisWatchmanDeps;
  #faults: readonly string[] = [];
  /** Keys that each run of a server had dropped when they were last acted on. */
  readonly #evicted = new LRUCache<string, number>({ max: runsMax });

  constructor(deps: RedisWatchmanDeps) {
    this.#deps = deps;
  }

  /** As of the last look that was answered. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  async look(): Promise<void> {
    const servers = await this.#deps.inform();
    if (servers.length === 0) return;
    const found = servers.map(faultOf).filter((fault) => fault !== undefined);
    const faults = [...new Set(found)];
    for (const fault of faults) if (!this.#faults.includes(fault)) this.#deps.onFault(fault);
    this.#faults = faults;
    let dropped = 0;
    for (const info of servers) {
      const keys = evictedBy(info);
      dropped += keys - (this.#evicted.get(runOf(info)) ?? keys);
    }
    if (dropped > 0) await this.#deps.onDropped(dropped);
    for (const info of servers) this.#evicted.set(runOf(info), evictedBy(info));
  }

  /** Runs until the signal aborts. Calls report servers that cannot be reached. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal);
      if (!signal.aborted) await this.look().catch(() => undefined);
    }
  }
}

function runOf(info: ServerInfo): string {
  return info.get("run_id") ?? "";
}

function evictedBy(info: ServerInfo): number {
  return Number(info.get("evicted_keys") ?? 0);
}
