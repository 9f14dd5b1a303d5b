/** What reads a connection, and can wait with that until the connection has a turn of its own. */
export interface Reader {
  /** The turn in which it was let read last; undefined where it was never held. */
  readonly letReadIn: number | undefined;
  /** Where the connection comes from. */
  readonly network: string;
  hold(): void;
}

/** For so many seconds a connection is new: what many bring at once they bring soon. */
const newSeconds = 1;

/**
 * Readers of new connections, of which many may bring much at once. In one turn of the loop, Node reads
 * all connections on which something has come, up to 64 KiB of each, which may be thousands of calls.
 */
export class Readers {
  /** The second until which each is new. */
  readonly #new = new Map<Reader, number>();

  addNew(reader: Reader, second: number): void {
    this.#new.set(reader, second + newSeconds);
  }

  forget(reader: Reader): void {
    this.#new.delete(reader);
  }

  /**
   * Has the other new ones of the same network wait: one has filled the turn. Who waited for this one
   * reads in it.
   */
  holdOthers(than: Reader, turn: number, second: number): void {
    for (const [reader, until] of this.#new) {
      if (second > until) this.#new.delete(reader);
      else if (isOther(reader, than) && reader.letReadIn !== turn) reader.hold();
    }
  }
}

function isOther(reader: Reader, than: Reader): boolean {
  return reader !== than && reader.network === than.network;
}
