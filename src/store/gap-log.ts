import type { Gap } from "../core/session.ts";
import { gapsMax } from "../service/session-store.ts";

/** The newest gaps, oldest first, numbered from 1 without holes. */
export class GapLog {
  #gaps: readonly Gap[];

  constructor(recorded: readonly Gap[] = []) {
    this.#gaps = recorded;
  }

  get all(): readonly Gap[] {
    return this.#gaps;
  }

  /** The gap with the number that it will have once it is appended. */
  numbered({ from, until, kind }: Omit<Gap, "number">): Gap {
    return { number: (this.#gaps.at(-1)?.number ?? 0) + 1, from, until, kind };
  }

  append(gap: Gap): Gap {
    this.#gaps = [...this.#gaps, gap].slice(-gapsMax);
    return gap;
  }
}
