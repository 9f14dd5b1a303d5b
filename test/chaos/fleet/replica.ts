import { setTimeout as delay } from "node:timers/promises";

import type { DurationMs } from "../../../src/core/time.ts";
import {
  type Env,
  type Exit,
  type SpawnedService,
  spawnService,
} from "../../support/process/run-service.ts";
import { LinkProxy } from "./link-proxy.ts";

/** One start of a replica's process, with the doors by which clients come to it. */
export interface ReplicaRun {
  /** Numbers the starts of all replicas. */
  readonly number: number;
  readonly replica: number;
  readonly service: SpawnedService;
  readonly grpc: LinkProxy;
  readonly http: LinkProxy;
}

interface ReplicaParts {
  readonly number: number;
  readonly env: Env;
  /** A module that each process loads before the service. */
  readonly preload: string | undefined;
  readonly storePort: number;
  readonly nextRun: () => number;
  /** Told of each run that began. */
  readonly onRun: (run: ReplicaRun) => void;
  /** A run ended that nobody had asked to end, or otherwise than it should. */
  readonly onBug: (text: string) => void;
}

const startAgainMs: DurationMs = 300;
/** Twice what a drain promises: a machine may be slow. */
const drainMsMax: DurationMs = 20_000;

/** One of the processes that serve from the store, over a link of its own. */
export class Replica implements AsyncDisposable {
  readonly number: number;
  readonly storeLink: LinkProxy;
  readonly #parts: ReplicaParts;
  /** Runs that were asked to end. */
  readonly #asked = new Set<ReplicaRun>();
  #run: ReplicaRun | undefined;
  #isOver = false;

  private constructor(parts: ReplicaParts, storeLink: LinkProxy) {
    this.number = parts.number;
    this.#parts = parts;
    this.storeLink = storeLink;
  }

  static async create(parts: ReplicaParts): Promise<Replica> {
    return new Replica(parts, await LinkProxy.to(parts.storePort));
  }

  /** The process that serves now; undefined while there is none. */
  get run(): ReplicaRun | undefined {
    return this.#run;
  }

  /** Starts the process, again and again until it is ready: its store may be away. */
  async start(): Promise<void> {
    const { env, preload, number: replica, nextRun, onRun } = this.#parts;
    const url = `redis://127.0.0.1:${this.storeLink.port}`;
    while (!this.#isOver) {
      const started = spawnService({ ...env, LEASE_STORE_URL: url }, { preload });
      const service = await started.catch(() => undefined);
      if (service === undefined) {
        await delay(startAgainMs);
        continue;
      }
      if (this.#isOver) return service[Symbol.asyncDispose]();
      const [grpc, http] = await Promise.all([
        LinkProxy.to(portOf(service.addresses.grpc)),
        LinkProxy.to(portOf(service.addresses.http)),
      ]);
      const run: ReplicaRun = { number: nextRun(), replica, service, grpc, http };
      this.#run = run;
      onRun(run);
      void service.exited.then((exit) => this.#ended(run, exit));
      return;
    }
  }

  /** kill -9 */
  async kill(): Promise<void> {
    await this.#stop("SIGKILL");
  }

  /** SIGTERM; it has to end by itself, in order and in time. */
  async drain(): Promise<void> {
    const exit = await Promise.race([this.#stop("SIGTERM"), delay(drainMsMax)]);
    if (exit === undefined || exit.code === 0) return;
    this.#parts.onBug(`replica ${this.number} drained and ended with ${exit.code ?? exit.signal}`);
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    const pid = this.#run?.service.pid;
    if (pid !== undefined) process.kill(pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.kill();
    await this.storeLink[Symbol.asyncDispose]();
  }

  /** Expected to end from now on. */
  async #stop(signal: "SIGKILL" | "SIGTERM"): Promise<Exit | undefined> {
    const run = this.#run;
    if (run === undefined) return undefined;
    this.#asked.add(run);
    return run.service.stop(signal);
  }

  #ended(run: ReplicaRun, exit: Exit): void {
    if (this.#run === run) this.#run = undefined;
    for (const part of [run.grpc, run.http, run.service]) void part[Symbol.asyncDispose]();
    if (this.#asked.has(run)) return;
    this.#parts.onBug(`replica ${this.number} ended by itself with ${exit.code ?? exit.signal}`);
    if (!this.#isOver) void this.start();
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
