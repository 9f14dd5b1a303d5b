import type { DurationMs } from "../../../core/time.ts";

/** The connection whose writes are to be acknowledged. */
interface Connection {
  sendCommand(command: readonly string[]): Promise<unknown>;
}

/**
 * Asks how many replicas have what was written on a connection. The question blocks the connection,
 * so there is one at a time. Callers in the meantime share the next one, which covers everything
 * written before it is sent.
 */
export class Acknowledgements {
  readonly #connection: Connection;
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<number> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** How many have it, as soon as `replicas` do or the time is over. Always asked for the same. */
  wait(replicas: number, timeoutMs: DurationMs): Promise<number> {
    this.#next ??= this.#askAfter(this.#current, replicas, timeoutMs);
    return this.#next;
  }

  async #askAfter(
    current: Promise<unknown>,
    replicas: number,
    timeoutMs: DurationMs,
  ): Promise<number> {
    await current.catch(ignore);
    this.#current = this.#next ?? current;
    this.#next = undefined;
    const command = ["WAIT", String(replicas), String(timeoutMs)];
    return Number(await this.#connection.sendCommand(command));
  }
}

function ignore(): void {
  // The callers receive the failure.
}
