/**
 * Listens to a signal once for any number of streams: a signal goes through all its listeners
 * whenever one is added or removed.
 */
export class AbortListeners {
  readonly signal: AbortSignal;
  readonly #listeners = new Set<() => void>();

  constructor(signal: AbortSignal) {
    this.signal = signal;
    const abort = (): void => {
      for (const listener of this.#listeners) listener();
    };
    signal.addEventListener("abort", abort, { once: true });
  }

  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener);
  }
}
