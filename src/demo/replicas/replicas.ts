import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { openBalancer } from "./balancer.ts";
import { startRedis } from "./redis-process.ts";
import { Replica } from "./replica.ts";
import type { ServiceSettings } from "./service-process.ts";

/** Processes of the service on one Redis, behind a balancer for each door. */
export interface Replicas extends AsyncDisposable {
  /** Where the balancers listen, as `host:port`. */
  readonly grpc: string;
  readonly http: string;
  /** What each replica did since this was last asked, in a line. */
  describe(): Promise<string>;
  /** Kills the next one in turn, and starts it again after a while. */
  kill(): Promise<void>;
}

const awayMs = 3_000;

/** Rejects with `RedisMissing` when there is no Redis to be started. */
export async function startReplicas(
  count: number,
  print: (line: string) => void,
  settings: ServiceSettings,
): Promise<Replicas> {
  await using starting = new AsyncDisposableStack();
  const redis = starting.use(await startRedis());
  const grpc = starting.use(await openBalancer());
  const http = starting.use(await openBalancer());
  const shared = {
    ...settings,
    LEASE_STORE_URL: redis.url,
    LEASE_TOKEN_KEY: randomBytes(32).toString("base64url"),
  };
  const replicas = Array.from({ length: count }, (_, index) => new Replica(index + 1, shared));
  const route = (): void => {
    const services = replicas.flatMap(({ service }) => service ?? []);
    grpc.route(services.map((service) => service.grpc));
    http.route(services.map((service) => service.http));
  };
  for (const replica of replicas) starting.use(replica);
  await Promise.all(replicas.map((replica) => replica.start()));
  route();
  print(`redis: ${redis.url}`);
  for (const { number, service } of replicas) {
    print(`replica ${number}: grpc ${service?.grpc}, http ${service?.http}, ops ${service?.ops}`);
  }

  const ended = new AbortController();
  starting.defer(() => ended.abort());
  let killed = 0;
  const running = starting.move();
  return {
    grpc: grpc.address,
    http: http.address,
    async describe() {
      const words = await Promise.all(replicas.map((replica) => replica.describe()));
      return words.join("; ");
    },
    async kill() {
      const replica = replicas[killed % count];
      killed += 1;
      if (replica?.service === undefined) return;
      print(`  ->  SIGKILL to replica ${replica.number}; it restarts in ${awayMs / 1_000} s`);
      await replica.kill();
      await delay(awayMs, undefined, { signal: ended.signal }).catch(() => undefined);
      if (ended.signal.aborted) return;
      await replica.start();
      route();
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
