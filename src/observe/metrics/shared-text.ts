/**
 * Makes a text for all who ask together, and now and then at most: whoever asks while one is being
 * made, or soon after, shares the next, so that nobody is shown what was true before they asked.
 */
export class SharedText {
  readonly #make: () => Promise<string>;
  readonly #rest: () => Promise<void>;
  /** Until the next one may begin. */
  #busy: Promise<unknown> | undefined;
  #next: Promise<Buffer> | undefined;

  /** @param rest the time from the beginning of one to that of the next, at least */
  constructor(make: () => Promise<string>, rest: () => Promise<void>) {
    this.#make = make;
    this.#rest = rest;
  }

  /** The text in UTF-8, which nobody may change. Rejects as its making does. */
  get(): Promise<Buffer> {
    if (this.#busy === undefined && this.#next === undefined) return this.#begin();
    this.#next ??= Promise.resolve(this.#busy).then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<Buffer> {
    const making = this.#make().then((text) => Buffer.from(text));
    this.#busy = Promise.allSettled([making, this.#rest()]).then(() => {
      this.#busy = undefined;
    });
    return making;
  }
}
