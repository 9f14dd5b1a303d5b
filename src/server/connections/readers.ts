/** What reads a connection, and can wait with that until the connection has a turn of its own. */
export interface Reader {
  hold(): void;
}

/** Those that brought much, and new ones, are held first for so many seconds. */
const suspectSeconds = 10;

/**
 * Readers of connections that may bring much at once. Node reads all connections on which something
 * has come in one turn of the loop, up to 64 KiB of each, which may be thousands of calls.
 */
export class Readers {
  /** The second in which each was suspected last. */
  readonly #suspects = new Map<Reader, number>();

  /** It may bring much: it is new, or did so. */
  suspect(reader: Reader, second: number): void {
    this.#suspects.set(reader, second);
  }

  forget(reader: Reader): void {
    this.#suspects.delete(reader);
  }

  /** Has all others wait: one has brought enough for a turn. */
  holdOthers(than: Reader, second: number): void {
    for (const [reader, since] of this.#suspects) {
      if (second - since > suspectSeconds) this.#suspects.delete(reader);
      else if (reader !== than) reader.hold();
    }
  }
}
