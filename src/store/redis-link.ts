import { createClient, createCluster } from "@redis/client";

import type { DurationMs } from "../core/time.ts";
import { buckets } from "./redis-keys.ts";

/** How to reach Redis: a single server behind one address, or a cluster found through one node. */
export interface RedisLink extends AsyncDisposable {
  /** Sends a command to the server that holds the bucket; commands given at once travel together. */
  send(bucket: number, command: readonly string[]): Promise<unknown>;
  /** How many replicas have, within the time, all that this process wrote to the server before. */
  acknowledged(bucket: number, replicas: number, timeoutMs: DurationMs): Promise<number>;
  /** Calls `hear` with each message of the channel, again after every reconnection. */
  listen(bucket: number, channel: string, hear: (message: string) => void): Promise<void>;
  /** Leaves the server for whichever one the address leads to now. */
  reconnect(bucket: number): void;
}

const reconnectMs: DurationMs = 250;
const connectTimeoutMs: DurationMs = 1_000;
/** A connection on which not even the ping is answered for this long is given up. */
const silentMs: DurationMs = 5_000;
const pingMs: DurationMs = 1_000;

/** What the server says of itself, as `INFO` words it. */
export type ServerInfo = ReadonlyMap<string, string>;

/** Connects, or rejects when the server cannot be reached or does not let this user in. */
export async function openRedisLink(
  url: string,
  check: (info: ServerInfo) => void,
): Promise<RedisLink> {
  const client = await connectClient(url);
  try {
    const info = parseInfo(await client.sendCommand<string>(["INFO"]));
    check(info);
    if (info.get("cluster_enabled") !== "1") return new SingleLink(client);
    client.destroy();
    return await openClusterLink(url, check);
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
  const client = createClient({
    url,
    pingInterval: pingMs,
    // A call that cannot be made now is refused now: who asks is told to ask again.
    disableOfflineQueue: true,
    socket: {
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

  constructor(client: Client) {
    this.#client = client;
  }

  send(_bucket: number, command: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(command);
  }

  async acknowledged(_bucket: number, replicas: number, timeoutMs: DurationMs): Promise<number> {
    return this.#client.sendCommand<number>(wait(replicas, timeoutMs));
  }

  listen(_bucket: number, channel: string, hear: (message: string) => void): Promise<void> {
    return this.#client.sSubscribe(channel, hear);
  }

  reconnect(): void {
    // The server hangs up, and the client connects to the address anew.
    this.#client.sendCommand(["QUIT"]).catch(ignore);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client.isOpen) this.#client.destroy();
  }
}

async function openClusterLink(url: string, check: (info: ServerInfo) => void): Promise<RedisLink> {
  const cluster = await connectCluster(url);
  try {
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
  }
}

function connectCluster(url: string) {
  const { username, password, protocol } = new URL(url);
  const cluster = createCluster({
    rootNodes: [{ url }],
    defaults: {
      ...(username !== "" && { username: decodeURIComponent(username) }),
      ...(password !== "" && { password: decodeURIComponent(password) }),
      pingInterval: pingMs,
      disableOfflineQueue: true,
      socket: {
        connectTimeout: connectTimeoutMs,
        socketTimeout: silentMs,
        reconnectStrategy: reconnectMs,
        ...(protocol === "rediss:" && { tls: true }),
      },
    },
    topologyRefreshOnReconnectionAttemptStrategy: reconnectMs,
  });
  cluster.on("error", ignore);
  return cluster.connect();
}

type Cluster = Awaited<ReturnType<typeof connectCluster>>;

class ClusterLink implements RedisLink {
  readonly #cluster: Cluster;
  /** By bucket. */
  readonly #slots: readonly number[];

  constructor(cluster: Cluster, slots: readonly number[]) {
    this.#cluster = cluster;
    this.#slots = slots;
  }

  async send(bucket: number, command: readonly string[]): Promise<unknown> {
    return this.#cluster.sendCommand(buckets[bucket]?.state, false, [...command]);
  }

  /** The connection that the bucket's commands take is the one that counts what was written. */
  async acknowledged(bucket: number, replicas: number, timeoutMs: DurationMs): Promise<number> {
    const shard = this.#cluster.slots[this.#slots[bucket] ?? 0];
    if (shard === undefined) throw new Error(`nobody serves bucket ${bucket}`);
    const client = await this.#cluster.nodeClient(shard.master);
    return client.sendCommand<number>(wait(replicas, timeoutMs));
  }

  async listen(_bucket: number, channel: string, hear: (message: string) => void): Promise<void> {
    await this.#cluster.sSubscribe(channel, hear);
  }

  /** The cluster client follows a failover by itself. */
  reconnect(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cluster.destroy();
  }
}

function wait(replicas: number, timeoutMs: DurationMs): readonly string[] {
  return ["WAIT", String(replicas), String(timeoutMs)];
}

function ignore(): void {
  // Every call that fails for it says so itself.
}
