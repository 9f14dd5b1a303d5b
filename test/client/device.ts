import type { ClientClock, PageEvent, PageEvents } from "../../src/client/index.ts";
import { settle } from "../support/service/manual-clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A machine with a page on it, whose clocks stand still until they are told to move. */
export class Device implements ClientClock, PageEvents {
  isHidden = false;
  /** Timers fire at whole multiples of this alone: 60,000 as in a page hidden for long. */
  timersEveryMs = 1;
  readonly #timers = new Set<Timer>();
  readonly #listeners = new Set<(event: PageEvent) => void>();
  #monotonicMs = 0;
  #wallAheadMs = 1_800_000_000_000;

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wallMs(): number {
    return this.#wallAheadMs + this.#monotonicMs;
  }

  startTimer(callback: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  listen(listener: (event: PageEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Moves on, and fires what is due on the way. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#monotonicMs + durationMs;
    await settle();
    for (;;) {
      const next = [...this.#timers].toSorted((a, b) => a.dueMs - b.dueMs)[0];
      const atMs = next === undefined ? Number.POSITIVE_INFINITY : this.#firesAt(next);
      if (next === undefined || atMs > endMs) break;
      this.#monotonicMs = Math.max(this.#monotonicMs, atMs);
      this.#timers.delete(next);
      next.callback();
      await settle();
    }
    this.#monotonicMs = endMs;
  }

  /** The machine sleeps: the wall clock alone goes on, and no timer. */
  sleep(durationMs: number): void {
    this.#wallAheadMs += durationMs;
  }

  /** Somebody sets the wall clock. */
  stepWall(byMs: number): void {
    this.#wallAheadMs += byMs;
  }

  hide(): void {
    this.isHidden = true;
    this.tell("hidden");
  }

  show(): void {
    this.isHidden = false;
    this.tell("visible");
  }

  tell(event: PageEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #firesAt({ dueMs }: Timer): number {
    const everyMs = this.timersEveryMs;
    return Number.isFinite(everyMs) ? Math.ceil(dueMs / everyMs) * everyMs : everyMs;
  }
}
