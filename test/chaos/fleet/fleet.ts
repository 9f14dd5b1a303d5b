import { setTimeout as delay } from "node:timers/promises";
import type { DurationMs } from "../../../src/core/time.ts";
import type { Env } from "../../support/process/run-service.ts";
import { type RedisServer, startRedis } from "../../support/redis/redis-server.ts";
import { Replica, type ReplicaRun } from "./replica.ts";

const restartsMax = 20;
const startAgainMs: DurationMs = 500;

interface FleetParts {
  readonly replicas: number;
  readonly env: Env;
  readonly preload: string | undefined;
  readonly onBug: (text: string) => void;
}

/** A Redis that loses nothing that it has answered, and the processes that share it. */
export class Fleet implements AsyncDisposable {
  readonly store: RedisServer;
  readonly replicas: readonly Replica[];
  /** Every run there ever was. */
  readonly allRuns: readonly ReplicaRun[];

  readonly #resources: AsyncDisposable;

  private constructor(
    store: RedisServer,
    replicas: readonly Replica[],
    { allRuns, resources }: { allRuns: readonly ReplicaRun[]; resources: AsyncDisposable },
  ) {
    this.store = store;
    this.replicas = replicas;
    this.allRuns = allRuns;
    this.#resources = resources;
  }

  static async start({ replicas: count, ...parts }: FleetParts): Promise<Fleet> {
    await using resources = new AsyncDisposableStack();
    const store = resources.use(await startRedis({ appendonly: "yes", appendfsync: "always" }));
    const allRuns: ReplicaRun[] = [];
    let numbers = 0;
    const nextRun = (): number => {
      numbers += 1;
      return numbers;
    };
    const onRun = (run: ReplicaRun): void => void allRuns.push(run);
    const all = { ...parts, storePort: store.port, nextRun, onRun };
    const replicas = await Promise.all(
      Array.from({ length: count }, (_, index) => Replica.create({ number: index + 1, ...all })),
    );
    for (const replica of replicas) resources.use(replica);
    await Promise.all(replicas.map((replica) => replica.start()));
    return new Fleet(store, replicas, { allRuns, resources: resources.move() });
  }

  /** The processes that serve now. */
  get runs(): readonly ReplicaRun[] {
    return this.replicas.flatMap(({ run }) => (run === undefined ? [] : [run]));
  }

  /** After it was killed; somebody may sit on its port for a moment. */
  async restartStore(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.store.restart();
      } catch (error) {
        if (attempt === restartsMax) throw error;
        await delay(startAgainMs);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }
}
