import { setTimeout as delay } from "node:timers/promises";

import type { Action } from "../beach/messages.ts";

export interface ActionPollerOptions {
  /** Where this session's actions wait. */
  readonly url: () => string;
  /** The number up to which everything was applied: acknowledges it. */
  readonly after: () => number;
  readonly onAction: (action: Action) => void;
  /** The actions that waited have been handed on. */
  readonly onPolled?: (signal: AbortSignal) => Promise<void>;
  readonly everyMs: number;
}

/** Fetches actions over HTTP while there is no fast path to bring them. */
export class ActionPoller {
  readonly #options: ActionPollerOptions;
  #run: AbortController | undefined;

  constructor(options: ActionPollerOptions) {
    this.#options = options;
  }

  resume(): void {
    if (this.#run !== undefined) return;
    this.#run = new AbortController();
    void this.#poll(this.#run.signal);
  }

  pause(): void {
    this.#run?.abort();
    this.#run = undefined;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#fetchOnce(signal).catch(() => undefined);
      await delay(this.#options.everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #fetchOnce(signal: AbortSignal): Promise<void> {
    const answer = await fetch(`${this.#options.url()}?after=${this.#options.after()}`, { signal });
    if (!answer.ok) return;
    const { actions } = (await answer.json()) as { actions: readonly Action[] };
    for (const action of actions) this.#options.onAction(action);
    await this.#options.onPolled?.(signal);
  }
}
