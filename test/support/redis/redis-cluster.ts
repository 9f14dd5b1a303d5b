import type { Certificates } from "../network/certificates.ts";
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

/**
 * Starts six redis-server processes, and resolves when they are a cluster. With certificates its
 * nodes speak TLS to each other and to clients, who are told of no other ports; tests speak without.
 */
export async function startRedisCluster(certificates?: Certificates): Promise<RedisCluster> {
  await using started = new AsyncDisposableStack();
  const startOne = async (): Promise<Node> => {
    const busPort = await freePort();
    const tlsPort = certificates && (await freePort());
    const server = await startRedis({
      ...settings,
      "cluster-port": String(busPort),
      ...(certificates && tlsPort !== undefined && tlsSettings(certificates, tlsPort)),
    });
    return { server: started.use(server), announcedPort: tlsPort ?? server.port, busPort };
  };
  // Somebody else may take a port before the server does.
  const start = (): Promise<Node> => startOne().catch(startOne).catch(startOne);
  const nodes = await Promise.all(Array.from({ length: 2 * masterCount }, start));
  await join(nodes);
  const [{ announcedPort } = { announcedPort: 0 }] = nodes;
  const url = `${certificates === undefined ? "redis" : "rediss"}://127.0.0.1:${announcedPort}`;
  const cluster = new RunningCluster(
    url,
    nodes.map(({ server }) => server),
  );
  await cluster.whole();
  const owned = started.move();
  return Object.assign(cluster, { [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() });
}

function tlsSettings(certificates: Certificates, port: number): Readonly<Record<string, string>> {
  return {
    "tls-port": String(port),
    "tls-cluster": "yes",
    "tls-replication": "yes",
    "tls-cert-file": certificates.certificate,
    "tls-key-file": certificates.key,
    "tls-ca-cert-file": certificates.authority,
    "tls-auth-clients": "no",
  };
}

interface Node {
  readonly server: RedisServer;
  /** The port that it announces to others. */
  readonly announcedPort: number;
  readonly busPort: number;
}

class RunningCluster {
  readonly url: string;
  readonly nodes: readonly RedisServer[];

  constructor(url: string, nodes: readonly RedisServer[]) {
    this.url = url;
    this.nodes = nodes;
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
  const ports = [other.announcedPort, other.busPort].map(String);
  await one.server.command("CLUSTER", "MEET", "127.0.0.1", ...ports);
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
