import type { Socket } from "node:net";

/** Above what a door may have, Node itself takes so many more: one at a time has to give way. */
const roomToGiveWay = 64;

/**
 * The connections of a door. When it is full, a new one takes the place of one that has nothing
 * under way: the oldest of those that have brought no request yet, else the one that was idle for
 * longest. Silent connections keep nobody out.
 */
export class Crowd {
  readonly #max: number;
  readonly #onDropped: () => void;
  readonly #open = new Set<Socket>();
  readonly #unused = new Set<Socket>();
  readonly #idle = new Set<Socket>();

  constructor({ connectionsMax, onDropped }: { connectionsMax: number; onDropped: () => void }) {
    this.#max = connectionsMax;
    this.#onDropped = onDropped;
  }

  /** How many connections a server may take before it drops them by itself. */
  get acceptedMax(): number {
    return this.#max + roomToGiveWay;
  }

  /** How many have brought no request yet. */
  get unused(): number {
    return this.#unused.size;
  }

  /** Takes a connection in; false when it was closed, because every other one is in use. */
  admit(socket: Socket): boolean {
    if (this.#open.size >= this.#max) {
      const [givesWay = socket] = this.#unused.size > 0 ? this.#unused : this.#idle;
      this.#onDropped();
      givesWay.destroy();
      this.leave(givesWay);
      if (givesWay === socket) return false;
    }
    this.#open.add(socket);
    this.#unused.add(socket);
    return true;
  }

  /** A request has come by the connection. */
  begin(socket: Socket): void {
    this.#unused.delete(socket);
    this.#idle.delete(socket);
  }

  /** No request is under way on the connection any more. */
  rest(socket: Socket): void {
    if (this.#open.has(socket)) this.#idle.add(socket);
  }

  leave(socket: Socket): void {
    for (const sockets of [this.#open, this.#unused, this.#idle]) sockets.delete(socket);
  }
}
