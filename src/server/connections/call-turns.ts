import { FairQueue } from "../../budget/fair-queue.ts";

/** So many calls of most kinds are begun within a few milliseconds; then others get their turn. */
const perTurn = 32;
/** Calls that a turn looks at, including those whose callers have left. */
const looksPerTurn = 1_000;

/** Begins a call; false when its caller has left, so that nothing was begun. */
export type BeginCall = () => boolean;

/**
 * Begins only so many calls in one turn of the event loop, however many arrived at once. Waiting
 * calls are taken from each connection in turn.
 */
export class CallTurns {
  readonly #waiting = new FairQueue<BeginCall>();
  #begun = 0;
  #isTurnSet = false;

  /** @param connection its socket or session */
  begin(connection: object, call: BeginCall): void {
    this.#setTurn();
    if (this.#waiting.isEmpty && this.#begun < perTurn) this.#take(call);
    else this.#waiting.push(connection, call);
  }

  #setTurn(): void {
    if (this.#isTurnSet) return;
    this.#isTurnSet = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnSet = false;
    this.#begun = 0;
    for (let looks = 0; looks < looksPerTurn && this.#begun < perTurn; looks += 1) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      this.#take(call);
    }
    this.#setTurn();
  }

  #take(call: BeginCall): void {
    if (call()) this.#begun += 1;
  }
}
