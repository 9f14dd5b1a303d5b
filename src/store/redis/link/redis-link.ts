import { createClient, createCluster } from "@redis/client";

import type { DurationMs } from "../../../core/time.ts";
import { buckets } from "../records/redis-keys.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { redisAddress } from "./redis-address.ts";

/** How to reach Redis: a single server behind one address, or a cluster found through one node. */
export interface RedisLink extends AsyncDisposable {
  /** Buckets of the same part may be touched by one command. */
  partOf(bucket: number): number;
  /** Sends a command to the server that holds the bucket; commands given at once travel together. */
  send(bucket: number, command: readonly string[]): Promise<unknown>;
  /** How many replicas have, within the time, all that this process wrote to the server before. */
  acknowledged(bucket: number, replicas: number, timeoutMs: DurationMs): Promise<number>;
  /** Calls `receive` with each message of the channel, again after every reconnection. */
  listen(bucket: number, channel: string, receive: (message: string) => void): Promise<void>;
  /** What each server says of itself that can be reached: one, or every master of a cluster. */
  inform(): Promise<readonly ServerInfo[]>;
  /**
   * Breaks the connection to the bucket's server, which is of no use any more, and connects to
   * whichever server there is now. Calls under way end; while it is connecting, it does nothing.
   */
  reconnect(bucket: number): void;
}

const reconnectMs: DurationMs = 250;
const connectTimeoutMs: DurationMs = 1_000;
/** A connection that is set up, or has nothing to carry, and is not answered for this long is broken. */
const silentMs: DurationMs = 3_000;
const pingMs: DurationMs = 1_000;
/**
 * RedisCalls gives up calls. The client's own limit makes a signal and a timer for each command, and
 * keeps both for five seconds: a quarter of the processor time of a renewal.
 */
const untimed = { timeout: 0 } as const;

/** What the server says of itself, as `INFO` words it. */
export type ServerInfo = ReadonlyMap<string, string>;

/**
 * Connects, or rejects when the server cannot be reached or does not let this user in. What it has
 * begun ends when the signal aborts before it is open.
 */
export async function openRedisLink(
  url: string,
  check: (info: ServerInfo) => void,
  signal: AbortSignal,
): Promise<RedisLink> {
  const client = await connectClient(url);
  try {
    const info = parseInfo(await client.sendCommand<string>(["INFO"]));
    check(info);
    if (info.get("cluster_enabled") !== "1") return new SingleLink(client);
    client.destroy();
    return await openClusterLink(url, check, signal);
  } catch (error) {
    if (client.isOpen) client.destroy();
    throw error;
  }
}

function parseInfo(text: string): ServerInfo {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(":"));
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
}

function connectClient(url: string) {
  let wasReady = false;
  const { socket, ...login } = redisAddress(url);
  const client = createClient({
    ...login,
    commandOptions: untimed,
    pingInterval: pingMs,
    // A call that cannot be made now is refused at once, with a time to retry.
    disableOfflineQueue: true,
    socket: {
      ...socket,
      connectTimeout: connectTimeoutMs,
      socketTimeout: silentMs,
      reconnectStrategy: (_, cause) => (wasReady ? reconnectMs : cause),
    },
  });
  client.on("error", ignore);
  client.on("ready", () => {
    wasReady = true;
  });
  return client.connect();
}

type Client = Awaited<ReturnType<typeof connectClient>>;

class SingleLink implements RedisLink {
  readonly #client: Client;
  readonly #acknowledgements: Acknowledgements;

  constructor(client: Client) {
    this.#client = client;
    this.#acknowledgements = new Acknowledgements(client);
  }

  partOf(): number {
    return 0;
  }

  send(_bucket: number, command: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(command);
  }

  acknowledged(_bucket: number, replicas: number, timeoutMs: DurationMs): Promise<number> {
    return this.#acknowledgements.wait(replicas, timeoutMs);
  }

  listen(_bucket: number, channel: string, receive: (message: string) => void): Promise<void> {
    return this.#client.sSubscribe(channel, receive);
  }

  async inform(): Promise<readonly ServerInfo[]> {
    return [parseInfo(await this.#client.sendCommand<string>(["INFO"]))];
  }

  reconnect(): void {
    reconnect(this.#client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client.isOpen) this.#client.destroy();
  }
}

async function openClusterLink(
  url: string,
  check: (info: ServerInfo) => void,
  signal: AbortSignal,
): Promise<RedisLink> {
  const cluster = clusterOf(url);
  // It would wait for a master that is down until another replaces it.
  const giveUp = (): void => cluster.destroy();
  signal.addEventListener("abort", giveUp);
  try {
    await cluster.connect();
    for (const master of cluster.masters) {
      const client = await cluster.nodeClient(master);
      check(parseInfo(await client.sendCommand<string>(["INFO"])));
    }
    const slots = buckets.map(({ state }) =>
      cluster.sendCommand<number>(state, true, ["CLUSTER", "KEYSLOT", state]),
    );
    return new ClusterLink(cluster, await Promise.all(slots));
  } catch (error) {
    cluster.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function clusterOf(url: string) {
  const { socket, database: _one, ...login } = redisAddress(url);
  const cluster = createCluster({
    rootNodes: [{ socket }],
    commandOptions: untimed,
    defaults: {
      ...login,
      pingInterval: pingMs,
      disableOfflineQueue: true,
      socket: {
        connectTimeout: connectTimeoutMs,
        socketTimeout: silentMs,
        reconnectStrategy: reconnectMs,
        ...(socket.tls && { tls: true }),
      },
    },
    topologyRefreshOnReconnectionAttemptStrategy: reconnectMs,
  });
  cluster.on("error", ignore);
  return cluster;
}

type Cluster = ReturnType<typeof clusterOf>;

class ClusterLink implements RedisLink {
  readonly #cluster: Cluster;
  /** By bucket. */
  readonly #slots: readonly number[];
  readonly #acknowledgements = new WeakMap<NodeClient, Acknowledgements>();

  constructor(cluster: Cluster, slots: readonly number[]) {
    this.#cluster = cluster;
    this.#slots = slots;
  }

  /** A command of a cluster may touch one slot, whichever server holds the others. */
  partOf(bucket: number): number {
    return bucket;
  }

  async send(bucket: number, command: readonly string[]): Promise<unknown> {
    return this.#cluster.sendCommand(buckets[bucket]?.state, false, [...command]);
  }

  /** The connection that the bucket's commands take is the one that counts what was written. */
  async acknowledged(bucket: number, replicas: number, timeoutMs: DurationMs): Promise<number> {
    const client = await this.#cluster.nodeClient(this.#masterOf(bucket));
    let acknowledgements = this.#acknowledgements.get(client);
    if (acknowledgements === undefined) {
      acknowledgements = new Acknowledgements(client);
      this.#acknowledgements.set(client, acknowledgements);
    }
    return acknowledgements.wait(replicas, timeoutMs);
  }

  async listen(
    _bucket: number,
    channel: string,
    receive: (message: string) => void,
  ): Promise<void> {
    await this.#cluster.sSubscribe(channel, receive);
  }

  async inform(): Promise<readonly ServerInfo[]> {
    const asked = this.#cluster.masters.map(async (master) => {
      const client = await this.#cluster.nodeClient(master);
      return parseInfo(await client.sendCommand<string>(["INFO"]));
    });
    const answers = await Promise.allSettled(asked);
    return answers.filter((one) => one.status === "fulfilled").map(({ value }) => value);
  }

  /** While the server does not come back, the client looks for the one that took its place. */
  reconnect(bucket: number): void {
    const { client } = this.#masterOf(bucket);
    if (client !== undefined) reconnect(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cluster.destroy();
  }

  #masterOf(bucket: number) {
    const shard = this.#cluster.slots[this.#slots[bucket] ?? 0];
    if (shard === undefined) throw new Error(`no master serves bucket ${bucket}`);
    return shard.master;
  }
}

type NodeClient = Awaited<ReturnType<Cluster["nodeClient"]>>;

function reconnect(client: Pick<Client, "isReady" | "destroy" | "connect">): void {
  if (!client.isReady) return;
  client.destroy();
  client.connect().catch(ignore);
}

function ignore(): void {
  // Every failing call reports it.
}
