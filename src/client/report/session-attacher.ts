import { type Backoff, createBackoff } from "../calls/backoff.ts";
import { CallbackError, type OnTrouble, report } from "../calls/callback.ts";
import { type ClientClock, sleep, systemClock, withTimeout } from "../calls/clock.ts";

/** Attaches a session again. The signal aborts when the call has taken too long. */
export type AttachSession = (sessionId: string, signal: AbortSignal) => Promise<void>;

export interface SessionAttacherOptions {
  readonly attach: AttachSession;
  /** A session was attached, as far as the callback can tell. */
  readonly onAttached: () => void;
  readonly onTrouble: OnTrouble | undefined;
  /** One for each session. */
  readonly createBackoff?: () => Backoff;
  readonly timeoutMs?: number;
  readonly clock?: ClientClock;
}

const timeoutMsDefault = 10_000;
/** After a restart of the service every session may be unknown at once. */
const attachingMax = 32;

interface Unknown {
  readonly backoff: Backoff;
  isFirstTry: boolean;
  isBusy: boolean;
}

/**
 * Attaches sessions again that the service does not know. Each session has its own back-off and is
 * not awaited, so an attach that fails, does not help or never answers delays no other session.
 */
export class SessionAttacher {
  readonly #options: SessionAttacherOptions;
  readonly #clock: ClientClock;
  readonly #stop = new AbortController();
  readonly #unknown = new Map<string, Unknown>();
  readonly #waiting: (() => void)[] = [];
  #attaching = 0;

  constructor(options: SessionAttacherOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  stop(): void {
    this.#stop.abort();
    for (const start of this.#waiting.splice(0)) start();
  }

  /** The service does not know the session. Attaches it, unless that is under way. */
  notKnown(sessionId: string): void {
    const unknown = this.#unknown.get(sessionId) ?? {
      backoff: (this.#options.createBackoff ?? createBackoff)(),
      isFirstTry: true,
      isBusy: false,
    };
    if (unknown.isBusy) return;
    this.#unknown.set(sessionId, unknown);
    void this.#attach(sessionId, unknown);
  }

  /** The service knows these sessions, or they are no longer reported. */
  forget(sessionIds: Iterable<string>): void {
    for (const sessionId of sessionIds) this.#unknown.delete(sessionId);
  }

  /** The sessions with a back-off. */
  get sessionIds(): readonly string[] {
    return [...this.#unknown.keys()];
  }

  /** Never rejects: it is not awaited. */
  async #attach(sessionId: string, unknown: Unknown): Promise<void> {
    const { signal } = this.#stop;
    unknown.isBusy = true;
    if (!unknown.isFirstTry) await sleep(unknown.backoff.nextMs(), signal, this.#clock);
    unknown.isFirstTry = false;
    await this.#turn();
    try {
      if (signal.aborted || this.#unknown.get(sessionId) !== unknown) return;
      await this.#attachInTime(sessionId);
      this.#options.onAttached();
    } catch (error) {
      if (!signal.aborted) {
        report(new CallbackError("onSessionUnknown", error), this.#options.onTrouble);
      }
    } finally {
      unknown.isBusy = false;
      this.#attaching -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #attachInTime(sessionId: string): Promise<void> {
    const timeoutMs = this.#options.timeoutMs ?? timeoutMsDefault;
    using limited = withTimeout(timeoutMs, this.#stop.signal, this.#clock);
    const { signal } = limited;
    const gaveUp = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    const attach = async (): Promise<void> => this.#options.attach(sessionId, signal);
    // A callback that ignores the signal is left alone, and its result is dropped.
    await Promise.race([attach(), gaveUp]);
  }

  async #turn(): Promise<void> {
    if (this.#attaching >= attachingMax && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#attaching += 1;
  }
}
