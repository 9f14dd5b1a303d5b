import { type Balancer, openBalancer } from "../../../src/demo/replicas/balancer.ts";
import { type RedisServer, startRedis } from "../redis/redis-server.ts";
import { type Env, type LogLine, type SpawnedService, spawnService } from "./run-service.ts";

/** Processes of the service on one Redis server, behind balancers of their own. */
export interface Replicas extends AsyncDisposable {
  readonly redis: RedisServer;
  /** Balancers of the internal and of the public door, over all that run. */
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /** The replica in a place; throws when there is none. */
  at(place: number): SpawnedService;
  /** Has the balancers lead to these alone, until one is started again; connections stay. */
  route(...places: readonly number[]): void;
  /** Starts another process in the place of one that has ended. */
  restart(place: number): Promise<SpawnedService>;
  /** Lines of the log with this message, of every process that ever ran here. */
  logged(message: string): readonly LogLine[];
}

const tokenKey = "a key that all replicas have in common";

/** Starts Redis, and `count` replicas that log at debug. */
export async function startReplicas(count: number, env: Env = {}): Promise<Replicas> {
  await using resources = new AsyncDisposableStack();
  const redis = resources.use(await startRedis());
  const grpc = resources.use(await openBalancer());
  const http = resources.use(await openBalancer());
  const processes = resources.use(new AsyncDisposableStack());
  const everStarted: SpawnedService[] = [];
  const start = async (): Promise<SpawnedService> => {
    const replica = await spawnService({
      LEASE_STORE_URL: redis.url,
      LEASE_TOKEN_KEY: tokenKey,
      LEASE_LOG_LEVEL: "debug",
      ...env,
    });
    everStarted.push(replica);
    return processes.use(replica);
  };
  const places = await Promise.all(Array.from({ length: count }, start));
  routeTo(places, grpc, http);
  const owned = resources.move();
  return {
    redis,
    grpcUrl: `http://${grpc.address}`,
    httpUrl: `http://${http.address}`,
    at: (place) => inPlace(places, place),
    route: (...some) => {
      const chosen = some.map((place) => inPlace(places, place));
      routeTo(chosen, grpc, http);
    },
    async restart(place) {
      await inPlace(places, place).exited;
      const replica = await start();
      places[place] = replica;
      routeTo(places, grpc, http);
      return replica;
    },
    logged: (message) =>
      everStarted
        .flatMap(({ stdout }) => stdout.flatMap(parseLine))
        .filter(({ msg }) => msg === message),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/** Nothing for the line that a process was killed over. */
function parseLine(line: string): readonly LogLine[] {
  return line.endsWith("}") ? [JSON.parse(line) as LogLine] : [];
}

function inPlace(places: readonly SpawnedService[], place: number): SpawnedService {
  const replica = places[place];
  if (replica === undefined) throw new RangeError(`there is no replica ${place}`);
  return replica;
}

function routeTo(replicas: readonly SpawnedService[], grpc: Balancer, http: Balancer): void {
  grpc.route(replicas.map(({ addresses }) => addresses.grpc));
  http.route(replicas.map(({ addresses }) => addresses.http));
}
