import type { SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";

/** The newest state of a session that a reader has not been sent yet. */
export interface WaitingState {
  readonly id: SessionId;
  readonly record: SessionRecord | undefined;
  /** How many states were merged into it. */
  readonly coalesced: number;
}

/** Up to so many are looked through one by one. In most readers one waits, or none. */
export const fewStates = 25;

/**
 * What waits for one reader, by session, the one that waits longest first. A `Map` that fills and
 * empties leaves tables behind, which outlive it in the old generation where readers are many.
 */
export class WaitingStates {
  #few: WaitingState[] = [];
  /** All that wait, once they are more. */
  #many: Map<SessionId, WaitingState> | undefined;

  get size(): number {
    return this.#many?.size ?? this.#few.length;
  }

  get(id: SessionId): WaitingState | undefined {
    if (this.#many !== undefined) return this.#many.get(id);
    for (const state of this.#few) if (state.id === id) return state;
    return undefined;
  }

  /**
   * Takes the place of the one of the same session, or comes last.
   *
   * @param before what {@link get} says of the session
   */
  set(state: WaitingState, before: WaitingState | undefined): void {
    const few = this.#few;
    if (this.#many !== undefined) this.#many.set(state.id, state);
    else if (before !== undefined) few[few.indexOf(before)] = state;
    else if (few.length < fewStates) few.push(state);
    else {
      this.#many = new Map([...few, state].map((one) => [one.id, one]));
      this.#few = [];
    }
  }

  /** Removes the first. */
  shift(): WaitingState | undefined {
    const many = this.#many;
    if (many === undefined) return this.#few.shift();
    const [first] = many.values();
    if (first !== undefined) many.delete(first.id);
    if (many.size === 0) this.#many = undefined;
    return first;
  }
}
