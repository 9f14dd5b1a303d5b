import { AsyncLocalStorage } from "node:async_hooks";

/** What is done in turns belongs to many calls, and to none that happens to begin a turn. */
const outsideCalls = AsyncLocalStorage.snapshot();

/** A small part of some work; answers whether there is more to do. */
type Step = () => boolean;

/** How much of one task is done before the next has its turn. */
const goPoints = 256;

/**
 * Does work in small steps, up to a limit in each turn of the event loop. The rest waits for later
 * turns, shared fairly between tasks. Bounded by its users: each adds a task once. Work is counted
 * in points of about a microsecond.
 */
export class Turns {
  readonly #pointsPerTurn: number;
  readonly #waiting: Step[] = [];
  #left: number;
  #isTurning = false;

  constructor(pointsPerTurn: number) {
    this.#pointsPerTurn = pointsPerTurn;
    this.#left = pointsPerTurn;
  }

  /** Does the steps: at once as far as this turn has room, and the rest later. */
  add(step: Step): void {
    this.#begin();
    const isNext = this.#waiting.length === 0;
    if (!isNext || this.#go(step, 0)) this.#waiting.push(step);
  }

  /** Resolves when there is room for work of this many points, and counts it as done. */
  room(points: number): Promise<void> {
    return new Promise((resolve) => {
      this.add(() => {
        this.spend(points);
        resolve();
        return false;
      });
    });
  }

  /** The step at work takes so many points more than the one that each step takes. */
  spend(points: number): void {
    this.#left -= points;
  }

  /** Does steps until only so many points are left; answers whether there are more. */
  #go(step: Step, until: number): boolean {
    while (this.#left > until) {
      this.#left -= 1;
      if (!step()) return false;
    }
    return true;
  }

  /** The first work of a turn schedules the next turn. */
  #begin(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    outsideCalls(() => setImmediate(() => this.#turn()));
  }

  #turn(): void {
    this.#isTurning = false;
    this.#left = this.#pointsPerTurn;
    if (this.#waiting.length === 0) return;
    this.#begin();
    while (this.#left > 0) {
      const step = this.#waiting.shift();
      if (step === undefined) return;
      if (this.#go(step, Math.max(0, this.#left - goPoints))) this.#waiting.push(step);
    }
  }
}
