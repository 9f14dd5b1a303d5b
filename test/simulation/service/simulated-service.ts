import { Budgets } from "../../../src/budget/budgets.ts";
import type { Policy } from "../../../src/core/policy.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import { controllerTokens } from "../../../src/service/controller-tokens.ts";
import type { IdSource } from "../../../src/service/id-source.ts";
import type { ServiceEvent } from "../../../src/service/service-events.ts";
import { createSessionService, type SessionService } from "../../../src/service/session-service.ts";
import { StoreUnavailable } from "../../../src/service/session-store.ts";
import type { Random } from "../../support/runs/random.ts";
import type { StoreWeather } from "../faults/store-weather.ts";
import type { Saying } from "../seen/history.ts";
import type { Timeline } from "../timeline.ts";
import { bothRoads } from "./both-roads.ts";
import type { Disk } from "./disk.ts";
import { Process, processClock } from "./process.ts";
import { SimulatedStore } from "./simulated-store.ts";

interface ServiceParts {
  readonly timeline: Timeline;
  readonly disk: Disk;
  readonly weather: StoreWeather;
  readonly policy: Policy;
  readonly random: Random;
  readonly observe: (event: ServiceEvent) => void;
  /** The process is gone, whatever the reason: its streams break. */
  readonly onGone: () => void;
}

interface Run {
  readonly number: number;
  readonly process: Process;
  readonly store: SimulatedStore;
  /** Undefined until it has taken stock of its store. */
  service: SessionService | undefined;
}

/** What a call finds behind the door. */
export interface Inside {
  readonly service: SessionService;
  readonly run: number;
  readonly wallNow: () => EpochMs;
}

/** What it says at this moment. */
export function sayingOf({ run, service }: Inside): Saying {
  return { run, serviceNow: service.now() };
}

const openAgainMs: DurationMs = 500;
const drainMs: DurationMs = 20;

/** The program that serves: it can be started, killed, drained and paused. */
export class SimulatedService {
  readonly #parts: ServiceParts;
  #run: Run | undefined;
  #runs = 0;
  #tokenKey: Buffer;
  #wallAheadMs: DurationMs = 0;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#tokenKey = drawKey(parts.random);
  }

  get #wallNow(): EpochMs {
    return this.#parts.timeline.now + this.#wallAheadMs;
  }

  /** Something that was said, or is about to be, is not yet on disk. */
  get hasUnwritten(): boolean {
    return this.#run?.store.hasUnwritten ?? false;
  }

  jumpWall(by: DurationMs): void {
    this.#wallAheadMs += by;
  }

  /** The next start finds no key file and makes another. */
  loseTokenKey(): void {
    this.#tokenKey = drawKey(this.#parts.random);
  }

  /** Starts the program, again and again until its store can be opened. */
  async start(): Promise<void> {
    for (;;) {
      const run = this.#open();
      this.#run = run;
      try {
        run.service = await this.#serve(run);
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        run.process.die();
        await this.#parts.timeline.sleep(openAgainMs);
      }
    }
  }

  /** kill -9: whatever has not reached the disk is gone. */
  crash(): { readonly lost: number; readonly inDoubt: number } {
    const run = this.#run;
    if (run === undefined || !run.process.isAlive) return { lost: 0, inDoubt: 0 };
    this.#end(run);
    return run.store.crash(this.#parts.random);
  }

  /** SIGTERM: watchers are asked to reconnect, then the program ends with everything written. */
  async drain(): Promise<void> {
    const run = this.#run;
    if (run?.service === undefined) return;
    run.service.drain();
    await this.#parts.timeline.sleep(drainMs);
    if (!run.process.isAlive) return;
    await run.service[Symbol.asyncDispose]();
    await run.store[Symbol.asyncDispose]();
    this.#end(run);
  }

  stall(duration: DurationMs): void {
    this.#run?.process.stall(duration);
  }

  /** Runs something in the program, as soon as its loop turns; `refused` when it is not up. */
  enter(action: (inside: Inside) => void, refused: () => void): void {
    const run = this.#run;
    const service = run?.service;
    if (run === undefined || service === undefined) refused();
    else
      run.process.enter(() => action({ service, run: run.number, wallNow: () => this.#wallNow }));
  }

  #open(): Run {
    this.#runs += 1;
    const { timeline, disk, weather } = this.#parts;
    const process = new Process(timeline);
    const store = new SimulatedStore({
      disk,
      weather,
      pause: (duration) => process.pause(duration),
    });
    return { number: this.#runs, process, store, service: undefined };
  }

  async #serve(run: Run): Promise<SessionService> {
    const { timeline, policy, random, observe } = this.#parts;
    const lastAlive = await run.store.lastAlive();
    const startsAt = Math.max(this.#wallNow, lastAlive ?? 0);
    const clock = processClock(run.process, timeline, { startsAt, wall: () => this.#wallNow });
    run.store.serve();
    return await createSessionService({
      store: run.store,
      clock,
      ids: drawnIds(random),
      policy,
      tokens: controllerTokens(this.#tokenKey),
      budgets: new Budgets(),
      observe,
      refresh: bothRoads,
    });
  }

  #end(run: Run): void {
    run.process.die();
    run.service = undefined;
    this.#parts.onGone();
  }
}

function drawnIds(random: Random): IdSource {
  return {
    leaseId: () => `lease-${random.hex(12)}`,
    jitter: () => random.next(),
    handshakeBits: () => random.hex(19),
  };
}

function drawKey(random: Random): Buffer {
  return Buffer.from(random.hex(64), "hex");
}
