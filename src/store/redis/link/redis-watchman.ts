import type { DurationMs } from "../../../core/time.ts";
import type { Clock } from "../../../service/clock.ts";
import { faultOf } from "./redis-check.ts";
import type { ServerInfo } from "./redis-link.ts";

/** How often it is looked whether a server is still what it was at the start. */
const lookEveryMs: DurationMs = 5_000;

interface RedisWatchmanDeps {
  readonly inform: () => Promise<readonly ServerInfo[]>;
  /** A server is not fit any more, or for another reason. */
  readonly onFault: (fault: string) => void;
  /** Servers have dropped so many keys since the look before, of whatever kind. */
  readonly onDropped: (keys: number) => Promise<void>;
}

/** Looks again and again at what the start demands: a server may be set up anew while it runs. */
export class RedisWatchman {
  readonly #deps: RedisWatchmanDeps;
  #faults: readonly string[] = [];
  /** Keys that each run of a server has dropped, as of the last look. */
  #evicted: ReadonlyMap<string, number> = new Map();

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
    const before = this.#evicted;
    this.#evicted = new Map(servers.map((info) => [runOf(info), evictedBy(info)]));
    let dropped = 0;
    for (const [run, keys] of this.#evicted) dropped += keys - (before.get(run) ?? keys);
    if (dropped > 0) await this.#deps.onDropped(dropped);
  }

  /** Until the signal aborts. What cannot be reached is told of by whoever needs it. */
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
