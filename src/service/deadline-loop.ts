import type { PassTime } from "../core/command.ts";
import type { SessionId } from "../core/ids.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import type { Outcome } from "./lease-service.ts";
import type { ServiceObserver } from "./service-events.ts";
import type { SessionStore } from "./session-store.ts";
import type { Clock } from "./time/clock.ts";
import { nextTurn } from "./time/next-turn.ts";

/** How many sessions are handled together: the store may write their changes as one. */
const batch = 500;
/** So many are decided in a turn of the event loop, which takes about a millisecond. */
const perTurn = 50;
/** How long to wait after a fault. */
const faultDelayMs: DurationMs = 1000;
/** The longest delay of a session that fails. */
const delayMsMax: DurationMs = 60_000;

/** How many failing sessions have a delay of their own. Others get the longest. */
const delaysMax = 1000;

/** Reasons handed in: making an AbortError for each wake-up costs more than the wake-up. */
const earlier = "an earlier deadline was set";
const stopped = "stopped";

interface DeadlineLoopDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
  /** How long to sleep at most without looking. */
  readonly lookAgainMs: DurationMs;
  readonly passTime: (id: SessionId) => Promise<Outcome<PassTime>>;
}

type Passed = "accepted" | "refused" | "failed";

/** Sleeps until the earliest deadline of all, then lets time pass where it is due. */
export class DeadlineLoop {
  readonly #deps: DeadlineLoopDeps;
  #sleepingUntil: EpochMs = Number.POSITIVE_INFINITY;
  #wake: AbortController | undefined;
  /** The delay of each session that failed. */
  readonly #delays = new Map<SessionId, DurationMs>();

  constructor(deps: DeadlineLoopDeps) {
    this.#deps = deps;
  }

  /** A commit set this deadline: wakes the loop when it would sleep past it. */
  notice(deadline: EpochMs | undefined): void {
    if (deadline !== undefined && deadline < this.#sleepingUntil) this.#wake?.abort(earlier);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const passed = await this.#passDue();
        if (passed === "none") await this.#sleep(signal);
        else await this.#deps.clock.sleep(passed === "refused" ? faultDelayMs : 0, signal);
      } catch (error) {
        this.#deps.observe({ kind: "failed", where: "deadlines", error });
        await this.#deps.clock.sleep(faultDelayMs, signal);
      }
    }
  }

  /** Refused deadlines stay due. Without a pause they would be retried in a tight loop. */
  async #passDue(): Promise<"none" | "some" | "refused"> {
    const { store, clock } = this.#deps;
    const ids = await store.due(clock.now(), batch);
    if (ids.length === 0) return "none";
    const outcomes = await this.#passAll(ids);
    return outcomes.every((outcome) => outcome === "refused") ? "refused" : "some";
  }

  /** Begins in parts, and waits for none of them before the next. */
  async #passAll(ids: readonly SessionId[]): Promise<readonly Passed[]> {
    const rest = ids.slice(perTurn);
    const passed = await Promise.all([
      ...ids.slice(0, perTurn).map((id) => this.#pass(id)),
      ...(rest.length === 0 ? [] : [nextTurn().then(() => this.#passAll(rest))]),
    ]);
    return passed.flat();
  }

  /** An error or an unreadable record delays this session alone. */
  async #pass(id: SessionId): Promise<Passed> {
    try {
      const outcome = await this.#deps.passTime(id);
      // Other sessions do not wait for it, as they would for a store that is away.
      const isUnreadable =
        outcome.kind === "refused" && outcome.refusal.reason === "SESSION_UNREADABLE";
      if (isUnreadable) return await this.#postpone(id);
      this.#delays.delete(id);
      return outcome.kind;
    } catch (error) {
      this.#deps.observe({ kind: "failed", where: "deadlines", sessionId: id, error });
      return await this.#postpone(id);
    }
  }

  async #postpone(id: SessionId): Promise<"failed"> {
    const { store, clock } = this.#deps;
    await store.postpone(id, clock.now() + this.#nextDelay(id));
    return "failed";
  }

  /** Twice the one before, at most {@link delayMsMax}. */
  #nextDelay(id: SessionId): DurationMs {
    const before = this.#delays.get(id);
    if (before === undefined && this.#delays.size >= delaysMax) return delayMsMax;
    const delay = before === undefined ? faultDelayMs : Math.min(2 * before, delayMsMax);
    this.#delays.set(id, delay);
    return delay;
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { store, clock, lookAgainMs } = this.#deps;
    const wake = new AbortController();
    const abort = (): void => wake.abort(stopped);
    signal.addEventListener("abort", abort);
    this.#wake = wake;
    // Registered before the read, so that a deadline set meanwhile is not missed.
    this.#sleepingUntil = Number.POSITIVE_INFINITY;
    const now = clock.now();
    const latest = now + lookAgainMs;
    try {
      this.#sleepingUntil = Math.min((await store.nextDeadline()) ?? latest, latest);
      await clock.sleep(Math.max(1, this.#sleepingUntil - now), wake.signal);
    } finally {
      this.#wake = undefined;
      signal.removeEventListener("abort", abort);
    }
  }
}
