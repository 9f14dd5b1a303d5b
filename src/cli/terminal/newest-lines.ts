import type { Output } from "./output.ts";

/**
 * Lines that wait for a slow reader of the output: of each key the newest alone, so that what waits
 * is bounded by the number of keys.
 */
export class NewestLines {
  readonly #output: Output;
  readonly #waiting = new Map<string, string>();
  #writing: Promise<void> | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  put(key: string, line: string): void {
    this.#waiting.delete(key);
    this.#waiting.set(key, line);
    this.#writing ??= this.#write();
  }

  /** Resolves when nothing waits any more. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    for (const [key, line] of this.#waiting) {
      this.#waiting.delete(key);
      await this.#output.line(line);
    }
    this.#writing = undefined;
  }
}
