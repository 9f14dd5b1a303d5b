import type { ClientClock } from "../../client/index.ts";
import {
  openPage,
  type PageEvent,
  type PageState,
  reduce,
  type TimedEvent,
} from "../model/page-state.ts";

/** Events that arrive in a burst, as at the start of a watch, make one change of the page. */
const gatherMs = 30;

/** The page's state, and who wants to know when it changes. */
export class PageStore {
  readonly #clock: ClientClock;
  readonly #listeners = new Set<() => void>();
  #state: PageState;
  #events: TimedEvent[] = [];
  #isGathering = false;

  constructor(clock: ClientClock) {
    this.#clock = clock;
    this.#state = openPage(clock.wallMs());
  }

  readonly state = (): PageState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly dispatch = (event: PageEvent): void => {
    this.#events.push({ event, nowMs: this.#clock.wallMs() });
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#clock.startTimer(() => this.#flush(), gatherMs);
  };

  #flush(): void {
    this.#isGathering = false;
    const events = this.#events;
    this.#events = [];
    this.#state = reduce(this.#state, events);
    for (const listener of [...this.#listeners]) listener();
  }
}
