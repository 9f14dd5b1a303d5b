import { type Backoff, createBackoff, sleep, timerMsMax } from "./backoff.ts";
import { CallbackError, type OnTrouble, report } from "./callback.ts";

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
  readonly #stop = new AbortController();
  readonly #unknown = new Map<string, Unknown>();
  readonly #waiting: (() => void)[] = [];
  #attaching = 0;

  constructor(options: SessionAttacherOptions) {
    this.#options = options;
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
    if (!unknown.isFirstTry) await sleep(unknown.backoff.nextMs(), signal);
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
    const timeoutMs = Math.min(this.#options.timeoutMs ?? timeoutMsDefault, timerMsMax);
    const late = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([this.#stop.signal, late]);
    const gaveUp = new Promise<never>((_, reject) => {
      const giveUp = (): void => reject(new Error(`no answer within ${timeoutMs} ms`));
      signal.addEventListener("abort", giveUp, { once: true });
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
