import { freePort, type RedisServer, startRedis, until } from "./redis-server.ts";

/** Three masters with a replica each, on loopback. */
export interface RedisCluster extends AsyncDisposable {
  /** Of one of its nodes, by which the others are found. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  /** The node that serves the slot of this key now, or undefined while nobody does. */
  masterOf(key: string): Promise<RedisServer | undefined>;
  /** Forgets everything, on every master. */
  flush(): Promise<void>;
  /** Resolves when every slot is served and every replica has caught up. */
  whole(): Promise<void>;
}

const slots = 16_384;
const masterCount = 3;

const settings = {
  "cluster-enabled": "yes",
  "cluster-node-timeout": "1000",
  // What a failover leaves unserved is no reason to refuse the rest.
  "cluster-require-full-coverage": "no",
};

/** Starts six redis-server processes, and resolves when they are a cluster. */
export async function startRedisCluster(): Promise<RedisCluster> {
  await using started = new AsyncDisposableStack();
  const start = async (): Promise<Node> => {
    const busPort = await freePort();
    const server = await startRedis({ ...settings, "cluster-port": String(busPort) });
    return { server: started.use(server), busPort };
  };
  const nodes = await Promise.all(Array.from({ length: 2 * masterCount }, start));
  await join(nodes);
  const cluster = new RunningCluster(nodes.map(({ server }) => server));
  await cluster.whole();
  const owned = started.move();
  return Object.assign(cluster, { [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() });
}

interface Node {
  readonly server: RedisServer;
  readonly busPort: number;
}

class RunningCluster {
  readonly nodes: readonly RedisServer[];

  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  get url(): string {
    return this.#first.url;
  }

  async masterOf(key: string): Promise<RedisServer | undefined> {
    for (const node of this.nodes) {
      const serves = await node.command("EXISTS", key).then(
        () => true,
        () => false,
      );
      if (serves) return node;
    }
    return undefined;
  }

  async flush(): Promise<void> {
    await Promise.all(this.nodes.map(flush));
  }

  async whole(): Promise<void> {
    await until(
      async () => (await Promise.all(this.nodes.map(isWhole))).every(Boolean),
      "the cluster did not become whole",
    );
  }

  get #first(): RedisServer {
    const [first] = this.nodes;
    if (first === undefined) throw new Error("the cluster has no node");
    return first;
  }
}

/** The first three share the slots; each of the others follows one of them. */
async function join(nodes: readonly Node[]): Promise<void> {
  const masters = nodes.slice(0, masterCount).map(({ server }) => server);
  const ids = await Promise.all(masters.map((master) => master.command("CLUSTER", "MYID")));
  await Promise.all(
    masters.map(async (master, index) => {
      const [from, until] = [index, index + 1].map((share) =>
        Math.floor((share * slots) / masterCount),
      ) as [number, number];
      await master.command("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
      await master.command("CLUSTER", "ADDSLOTSRANGE", String(from), String(until - 1));
    }),
  );
  await Promise.all(nodes.flatMap((one) => nodes.map((other) => meet(one, other))));
  await until(
    async () => (await Promise.all(nodes.map(knowsAll))).every(Boolean),
    "the nodes did not meet",
  );
  const replicas = nodes.slice(masterCount).map(({ server }) => server);
  await Promise.all(
    replicas.map((replica, index) => replica.command("CLUSTER", "REPLICATE", String(ids[index]))),
  );
}

async function meet(one: Node, other: Node): Promise<void> {
  if (one === other) return;
  const { server, busPort } = other;
  await one.server.command("CLUSTER", "MEET", "127.0.0.1", String(server.port), String(busPort));
}

async function knowsAll({ server }: Node): Promise<boolean> {
  const info = String(await server.command("CLUSTER", "INFO"));
  const known = String(await server.command("CLUSTER", "NODES"))
    .trim()
    .split("\n");
  const isMet = known.length === 2 * masterCount && !known.some((line) => /handshake/.test(line));
  return isMet && info.includes(`cluster_slots_assigned:${slots}`);
}

async function isWhole(node: RedisServer): Promise<boolean> {
  const info = String(await node.command("CLUSTER", "INFO"));
  const replication = String(await node.command("INFO", "replication"));
  const isLinked =
    replication.includes("role:master") || replication.includes("master_link_status:up");
  return (
    info.includes("cluster_state:ok") && info.includes(`cluster_slots_ok:${slots}`) && isLinked
  );
}

/** A replica refuses; it forgets what its master forgets. */
async function flush(node: RedisServer): Promise<void> {
  await node.command("FLUSHALL").catch((error: unknown) => {
    if (!String(error).includes("READONLY")) throw error;
  });
}
