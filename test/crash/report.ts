import { type CrashRun, unansweredMin } from "./crash-runs.ts";

/** One line for one run. */
export function lineOf(number: number, run: CrashRun): string {
  const { unanswered, answered, negotiationsInFlight, awayMs, facts, lost } = run;
  return (
    `run ${number}: SIGKILL after ${answered} answers with ${unanswered} transitions unanswered and ` +
    `${negotiationsInFlight} negotiations in flight; away for ${(awayMs / 1000).toFixed(1)} s; ` +
    `${facts} facts checked, ${lost.length} lost`
  );
}

/** The seed, each lost fact, and what led to it. */
export function describeLost(seed: number, { lost }: CrashRun): string {
  const facts = lost.map(({ sessionId, fact, story }) =>
    [`${sessionId}: ${fact}`, ...story.map((line) => `    ${line}`)].join("\n"),
  );
  return [`seed ${seed} lost what had been answered:`, ...facts].join("\n");
}

export class CrashTotals {
  runs = 0;
  #unanswered = 0;
  #fewest = Number.POSITIVE_INFINITY;
  #facts = 0;
  #lost = 0;

  add({ unanswered, facts, lost }: CrashRun): void {
    this.runs += 1;
    this.#unanswered += unanswered;
    this.#fewest = Math.min(this.#fewest, unanswered);
    this.#facts += facts;
    this.#lost += lost.length;
  }

  get lost(): number {
    return this.#lost;
  }

  /** Each run killed the process in the middle of enough calls. */
  get isHard(): boolean {
    return this.#fewest >= unansweredMin;
  }

  toString(): string {
    return (
      `${this.runs} runs: ${this.#unanswered} transitions unanswered, at least ${this.#fewest} a run; ` +
      `${this.#facts} facts checked, ${this.#lost} lost`
    );
  }
}
