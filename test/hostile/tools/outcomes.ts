/** Counts what came back, by what it says. */
export class Outcomes {
  readonly #counts = new Map<string, number>();

  see(outcome: string, times = 1): void {
    // What a caller sends may come back in an answer: the list of outcomes stays short.
    const known = this.#counts.has(outcome) || this.#counts.size < outcomesMax;
    const name = known ? outcome.slice(0, outcomeLengthMax) : "others";
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  /** Whether any outcome has one of the words. */
  hasSeen(words: readonly string[]): boolean {
    return saysAny(this.counts, words);
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

export function saysAny(counts: Outcomes["counts"], words: readonly string[]): boolean {
  return Object.keys(counts).some((outcome) => words.some((word) => outcome.includes(word)));
}

const outcomesMax = 40;
const outcomeLengthMax = 80;
