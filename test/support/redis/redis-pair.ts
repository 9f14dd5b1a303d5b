import { setTimeout as delay } from "node:timers/promises";
import { startTcpProxy, type TcpProxy } from "../network/tcp-proxy.ts";
import { type RedisServer, startRedis, until } from "./redis-server.ts";

/** A primary with a replica, and the address by which services know whichever is primary. */
export interface RedisPair extends AsyncDisposable {
  readonly url: string;
  readonly primary: RedisServer;
  /** From now on the replica gets nothing any more, without either of the two noticing. */
  withhold(): Promise<void>;
  /**
   * The replica becomes a primary, and the address leads to it. The one before goes on answering
   * those who are connected to it.
   */
  failOver(): Promise<void>;
  /** The primary of before comes back, as the replica of the new one. */
  comeBack(): Promise<void>;
}

export async function startRedisPair(): Promise<RedisPair> {
  await using started = new AsyncDisposableStack();
  const primary = started.use(await startRedis());
  const replica = started.use(await startRedis());
  const address = started.use(await startTcpProxy(primary.port));
  const wire = started.use(await startTcpProxy(primary.port));
  await replica.follow(wire.port);
  const owned = started.move();
  return new RunningPair({ primary, replica, address, wire, owned });
}

interface Parts {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly address: TcpProxy;
  /** By which the replica hears of changes. */
  readonly wire: TcpProxy;
  readonly owned: AsyncDisposable;
}

class RunningPair implements RedisPair {
  primary: RedisServer;
  #replica: RedisServer;
  readonly #address: TcpProxy;
  readonly #wire: TcpProxy;
  readonly #owned: AsyncDisposable;

  constructor({ primary, replica, address, wire, owned }: Parts) {
    this.primary = primary;
    this.#replica = replica;
    this.#address = address;
    this.#wire = wire;
    this.#owned = owned;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#address.port}`;
  }

  async withhold(): Promise<void> {
    const written = await offsetOf(this.primary);
    const has = async (): Promise<boolean> => (await offsetOf(this.#replica)) >= written;
    await until(has, "the replica did not catch up");
    this.#wire.hold("both");
  }

  async failOver(): Promise<void> {
    await this.#replica.command("REPLICAOF", "NO", "ONE");
    this.#wire.cut();
    [this.primary, this.#replica] = [this.#replica, this.primary];
    this.#address.pointTo(this.primary.port);
    this.#wire.pointTo(this.primary.port);
  }

  async comeBack(): Promise<void> {
    await this.#replica.follow(this.#wire.port);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#owned[Symbol.asyncDispose]();
  }
}

/** How far a server has come in what its primary has written. */
async function offsetOf(server: RedisServer): Promise<number> {
  const info = String(await server.command("INFO", "replication"));
  const offset = /slave_repl_offset:(\d+)/.exec(info) ?? /master_repl_offset:(\d+)/.exec(info);
  return Number(offset?.[1]);
}

/** Stops the server for so long. */
export async function standStill(server: RedisServer, forMs: number): Promise<void> {
  server.signal("SIGSTOP");
  await delay(forMs);
  server.signal("SIGCONT");
}
