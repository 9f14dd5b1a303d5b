import type { ChangeNotice } from "../service/session-store.ts";

export type ChangeListener = (notice: ChangeNotice) => void;

/** The listeners for committed changes. */
export class ChangeListeners {
  readonly #listeners = new Set<{ readonly notify: ChangeListener }>();

  add(notify: ChangeListener): Disposable {
    const listener = { notify };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  notify(notice: ChangeNotice): void {
    for (const listener of this.#listeners) {
      try {
        listener.notify(notice);
      } catch (error) {
        // A listener that throws is a bug. It must surface, but the commit stands.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
