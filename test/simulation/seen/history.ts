import type { EpochMs } from "../../../src/core/time.ts";
import type { Time } from "../world.ts";
import type { Sight, Stamp, Trouble } from "./sight.ts";

type WithoutSerial<S> = S extends Sight ? Omit<S, "serial"> : never;

/** By whom something is said. */
export interface Saying extends Pick<Stamp, "run" | "serviceNow"> {
  readonly since?: EpochMs;
}

/** What clients saw, and what was done to the service. Checkers are given this and nothing else. */
export class History {
  readonly #time: Pick<Time, "now">;
  readonly #sights: Sight[] = [];
  readonly #bugs: string[] = [];
  #serial = 0;
  #follow: ((sight: Sight) => void) | undefined;
  era = 0;

  constructor(time: Pick<Time, "now">) {
    this.#time = time;
  }

  /** In the order in which the service said things, and clients asked them. */
  get sights(): readonly Sight[] {
    return this.#sights.toSorted((a, b) => a.serial - b.serial);
  }

  /** What must never happen, whatever the guarantees say: thrown errors. */
  get bugs(): readonly string[] {
    return this.#bugs;
  }

  get serial(): number {
    this.#serial += 1;
    return this.#serial;
  }

  get now(): EpochMs {
    return this.#time.now;
  }

  /** Something is being said by a run of the service, and known to be decided since a moment. */
  stamp({ run, serviceNow, since = this.now }: Saying): Stamp {
    const { era, serial, now } = this;
    return { serial, since, at: now, serviceNow, run, era };
  }

  /** Something was seen by a client just now, although it may have been said earlier. */
  see(sight: Sight): void {
    this.#sights.push(sight);
    this.#follow?.(sight);
  }

  /** Calls back with whatever is seen from now on. */
  follow(callback: (sight: Sight) => void): void {
    this.#follow = callback;
  }

  note(sight: WithoutSerial<Sight>): void {
    this.see({ ...sight, serial: this.serial } as Sight);
  }

  trouble(what: Trouble["what"], from: EpochMs, until: EpochMs, detail = ""): void {
    this.note({ kind: "trouble", what, at: from, until, ...(detail && { detail }) });
  }

  bug(where: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#bugs.push(`${where}: ${text}`);
  }
}
