import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { History } from "../../simulation/seen/history.ts";
import type { Time } from "../../simulation/world.ts";

/** What lies between a replica's service and its sessions, named with the replica's number. */
export type Part = "store" | `process ${number}` | `wire ${number}`;

/**
 * What a process decided just before it could not hear may still be carried out: silence is no gap
 * before it has lasted this long.
 */
const quietMs: DurationMs = 1_500;

/**
 * Keeps book of what is out, and notes the stretches in which certainly nobody could reach the
 * store: those are gaps of the fleet, by which nothing may end.
 */
export class Outages {
  readonly #time: Time;
  readonly #history: History;
  readonly #replicas: readonly number[];
  readonly #out = new Set<Part>();
  #since: EpochMs | undefined;
  #byStoreAlone = true;

  constructor(time: Time, history: History, replicas: readonly number[]) {
    this.#time = time;
    this.#history = history;
    this.#replicas = replicas;
  }

  /** Call when it is out for certain. */
  begin(part: Part): void {
    this.#out.add(part);
    if (!this.#isTotal) return;
    this.#since ??= this.#time.now;
    this.#byStoreAlone &&= this.#out.size === 1;
  }

  /** Call before it may be back. */
  end(part: Part): void {
    this.#out.delete(part);
    if (this.#since === undefined || this.#isTotal) return;
    const from = this.#since + quietMs;
    const what = this.#byStoreAlone ? "store away" : "stall";
    if (from < this.#time.now) {
      this.#history.trouble(what, from, this.#time.now, "(nobody reached it)");
    }
    this.#since = undefined;
    this.#byStoreAlone = true;
  }

  get #isTotal(): boolean {
    return (
      this.#out.has("store") ||
      this.#replicas.every(
        (number) => this.#out.has(`process ${number}`) || this.#out.has(`wire ${number}`),
      )
    );
  }
}
