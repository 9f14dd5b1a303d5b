import type { Writable } from "node:stream";

/**
 * What a terminal could take for an order, or that hides or turns round what stands beside it: controls
 * (C0 and C1), formats such as marks of direction (Unicode TR 36), line separators, and halves of
 * surrogate pairs.
 */
const harmful = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text of others as it may be shown: `\u001b` stands for the character of that number. */
export function harmless(text: string): string {
  return text.replace(harmful, escaped);
}

/** As JSON escapes them, so that a line of JSON stays one. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** Where the program writes. Nothing that would harm a terminal passes. */
export class Output {
  /** Aborts when the reader of the output has left. */
  readonly left: AbortSignal;
  readonly #stdout: Writable;
  readonly #stderr: Writable;

  constructor(stdout: Writable, stderr: Writable) {
    const left = new AbortController();
    this.left = left.signal;
    this.#stdout = stdout;
    this.#stderr = stderr;
    stdout.on("error", () => left.abort());
    stderr.on("error", () => undefined);
  }

  /** Writes a line; resolves once its reader has room for more, or has left. */
  async line(text: string): Promise<void> {
    if (this.left.aborted) return;
    if (!this.#stdout.write(`${harmless(text)}\n`)) await this.#room();
  }

  /** Writes one JSON object as a line. */
  async json(value: object): Promise<void> {
    await this.line(JSON.stringify(value));
  }

  /** What is no result, for people: it goes to standard error. */
  note(text: string): void {
    this.#stderr.write(`${harmless(text)}\n`);
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#stdout.off("drain", done);
        this.left.removeEventListener("abort", done);
        resolve();
      };
      this.#stdout.once("drain", done);
      this.left.addEventListener("abort", done, { once: true });
    });
  }
}

/** Lines up cells in columns, whose widths grow with what comes; the last column is as it is. */
export class Columns {
  readonly #widths: number[];

  constructor(least: readonly number[] = []) {
    this.#widths = [...least];
  }

  fit(cells: readonly string[]): void {
    for (const [index, cell] of cells.slice(0, -1).entries()) {
      this.#widths[index] = Math.max(this.#widths[index] ?? 0, harmless(cell).length);
    }
  }

  format(cells: readonly string[]): string {
    this.fit(cells);
    const padded = cells.map((cell, index) => harmless(cell).padEnd(this.#widths[index] ?? 0));
    return padded.join("  ").trimEnd();
  }
}
