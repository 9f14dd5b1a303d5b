import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { History } from "../../simulation/seen/history.ts";
import type { Time } from "../../simulation/world.ts";
import type { ReplicaRun } from "../fleet/replica.ts";

const lookEveryMs: DurationMs = 250;
const answerMs: DurationMs = 3_000;
/** What takes longer on an idle machine does not happen. */
const slowMs: DurationMs = 400;

interface WatchmanParts {
  readonly time: Time;
  readonly history: History;
  readonly runs: () => readonly ReplicaRun[];
}

/**
 * Looks at each replica all the time, past every wire that is troubled, and notes when one was not
 * ready or slow to say so; and when this process itself was late. Nothing is expected to be prompt
 * on a machine that has no time.
 */
export class Watchman {
  readonly #parts: WatchmanParts;
  readonly #badSince = new Map<ReplicaRun, EpochMs>();
  #isOver = false;

  constructor(parts: WatchmanParts) {
    this.#parts = parts;
  }

  /** Whether all were ready when they were last looked at. */
  get isContent(): boolean {
    return this.#badSince.size === 0;
  }

  async watch(): Promise<void> {
    const { time, history, runs } = this.#parts;
    while (!this.#isOver) {
      const from = time.now;
      await time.sleep(lookEveryMs);
      const lateMs = time.now - from - lookEveryMs;
      if (lateMs > slowMs)
        history.trouble("fleet shaken", from, time.now, "(this process was late)");
      await Promise.all(runs().map((run) => this.#look(run)));
      for (const run of this.#badSince.keys()) if (!runs().includes(run)) this.#becameWell(run);
    }
  }

  /** Notes what is not well yet. */
  stop(): void {
    this.#isOver = true;
    for (const run of this.#badSince.keys()) this.#becameWell(run);
  }

  async #look(run: ReplicaRun): Promise<void> {
    const { time } = this.#parts;
    const from = time.now;
    const isReady = await isReadyNow(run);
    if (isReady && time.now - from <= slowMs) this.#becameWell(run);
    else if (!this.#badSince.has(run)) this.#badSince.set(run, from - lookEveryMs);
  }

  #becameWell(run: ReplicaRun): void {
    const { time, history } = this.#parts;
    const since = this.#badSince.get(run);
    if (since === undefined) return;
    this.#badSince.delete(run);
    const detail = `(replica ${run.replica} was not ready, or slow)`;
    history.trouble("fleet shaken", since, time.now + lookEveryMs, detail);
  }
}

async function isReadyNow({ service }: ReplicaRun): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(answerMs);
    return (await fetch(service.opsUrl("/readyz"), { signal })).ok;
  } catch {
    return false;
  }
}
