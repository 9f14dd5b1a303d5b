import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Random } from "../../support/runs/random.ts";
import type { FaultName, FaultPlan } from "./fault.ts";

/** How one call of the store goes. */
export interface CallFate {
  readonly beforeMs: DurationMs;
  readonly afterMs: DurationMs;
  /** `unheard`: it takes effect and throws all the same. */
  readonly fails: "no" | "at once" | "unheard";
}

const prompt: CallFate = { beforeMs: 0, afterMs: 0, fails: "no" };

interface WeatherParts {
  readonly plan: FaultPlan;
  readonly random: Random;
  readonly now: () => EpochMs;
  readonly count: (fault: FaultName) => void;
  /** A call failed or was not answered: from now on the service may be deaf. */
  readonly onFault: () => void;
}

/** What the store suffers from: drawn call by call, and in spells that somebody begins. */
export class StoreWeather {
  readonly #parts: WeatherParts;
  #awayUntil: EpochMs = 0;
  #contendedUntil: EpochMs = 0;
  #isCalm = false;

  constructor(parts: WeatherParts) {
    this.#parts = parts;
  }

  /** The store cannot be reached for a while. */
  goAway(duration: DurationMs): void {
    this.#awayUntil = Math.max(this.#awayUntil, this.#parts.now() + duration);
  }

  /** For a while each commit meets another writer's. */
  contend(duration: DurationMs): void {
    this.#contendedUntil = this.#parts.now() + duration;
  }

  /** No more trouble from here on, but what has begun. */
  calmDown(): void {
    this.#isCalm = true;
  }

  get isAway(): boolean {
    return this.#parts.now() < this.#awayUntil;
  }

  /** Whether what is at hand is had at once, for half of those that ask: the others have to call. */
  answersNow(): boolean {
    return !this.isAway && (this.#isCalm || this.#parts.random.chance(0.5));
  }

  fate(): CallFate {
    const { random, count, onFault } = this.#parts;
    if (this.isAway) {
      onFault();
      return { beforeMs: random.pick([0, 5, 50]), afterMs: 0, fails: "at once" };
    }
    if (this.#isCalm) return prompt;
    const fails = this.#drawFault();
    if (fails !== "no") {
      count(fails === "unheard" ? "store acknowledgement lost" : "store fault");
      onFault();
    }
    const isSlow = this.#draw("store slow", 1);
    if (isSlow) count("store slow");
    if (!isSlow && fails === "no") return prompt;
    const wait = (): DurationMs => (isSlow ? random.pick([1, 3, 20, 150]) : 0);
    return { beforeMs: wait(), afterMs: wait(), fails };
  }

  /** Whether a commit loses against another writer, who changed nothing that anybody sees. */
  meetsWriter(): boolean {
    if (this.#parts.now() < this.#contendedUntil) return true;
    if (this.#isCalm || !this.#draw("store conflict", 0.3)) return false;
    this.#parts.count("store conflict");
    return true;
  }

  #drawFault(): CallFate["fails"] {
    if (this.#draw("store acknowledgement lost", 0.03)) return "unheard";
    return this.#draw("store fault", 0.03) ? "at once" : "no";
  }

  #draw(name: FaultName, share: number): boolean {
    const rate = this.#parts.plan.get(name);
    return rate !== undefined && this.#parts.random.chance(rate * share);
  }
}
