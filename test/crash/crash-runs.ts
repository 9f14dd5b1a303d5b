import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SpawnedService, spawnService } from "../support/process/run-service.ts";
import { Random } from "../support/runs/random.ts";
import { Caller } from "./caller.ts";
import { checkSession } from "./check-session.ts";
import { type LostFact, SessionLoad, shortTtlMs } from "./session-load.ts";

/** What came of one crash. */
export interface CrashRun {
  /** Transitions that had been sent when the process was killed, and that nobody answered. */
  readonly unanswered: number;
  readonly answered: number;
  readonly negotiationsInFlight: number;
  readonly awayMs: number;
  /** Facts that were shown before the crash and checked after it. */
  readonly facts: number;
  readonly lost: readonly LostFact[];
}

/** Each has one call on its way at any moment of the load. */
const sessions = 250;
export const unansweredMin = 100;
/**
 * The process dies up to so long after an answer: one side works while the other waits, and it is
 * the service that has to be caught at work.
 */
const graceMsMax = 60;
/** How often a run is tried: chance may have it that fewer calls are unanswered. */
const triesMax = 8;

/**
 * Kills a service under load again and again, each time on the file that the one before left
 * behind; yields what came of it. Another one is killed first and stays away for `longAwayMs`
 * meanwhile: its crash is the last to be told.
 */
export async function* crashRuns(
  runs: number,
  seed: number,
  longAwayMs: number,
): AsyncGenerator<CrashRun> {
  const folder = await mkdtemp(join(tmpdir(), "controller-lease-crash-"));
  const random = new Random(seed);
  const absent = new Crash(join(folder, "absent.db"), random.fork());
  const others = new Crash(join(folder, "lease.db"), random.fork());
  try {
    await absent.kill();
    const longAway = new Promise((resolve) => setTimeout(resolve, longAwayMs));
    for (let run = 1; run < runs; run += 1) {
      await others.kill();
      yield await others.comeBack();
    }
    await longAway;
    yield await absent.comeBack();
  } finally {
    await absent.end();
    await others.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** One file, and the process that serves from it now. */
class Crash {
  readonly #env: Readonly<Record<string, string>>;
  readonly #random: Random;
  readonly #loads: readonly SessionLoad[];
  readonly #lost: LostFact[] = [];
  #service: SpawnedService | undefined;
  #caller: Caller | undefined;
  #answered = 0;
  #servedBefore = 0;
  #servingSince = 0;
  #diedAt = 0;

  constructor(path: string, random: Random) {
    this.#env = {
      LEASE_STORE_URL: `sqlite:${path}`,
      LEASE_TTL_MIN_MS: String(shortTtlMs),
      LEASE_LOG_LEVEL: "error",
    };
    this.#random = random;
    this.#loads = Array.from({ length: sessions }, (_, index) => {
      return new SessionLoad(`session-${index}`, {
        random: random.fork(),
        caller: () => this.#calling,
        servedMs: () => this.#servedMs,
      });
    });
  }

  /** A crash in the middle of enough calls; one that was not is checked, and does not count. */
  async kill(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      await this.#killOnce();
      if (this.#unanswered >= unansweredMin || tries === triesMax) return;
      const { lost } = await this.comeBack();
      this.#lost.push(...lost);
    }
  }

  /** Every session has a call on its way until so many were answered: then the process dies. */
  async #killOnce(): Promise<void> {
    const service = this.#service ?? (await this.#start());
    const answersMax = this.#random.between(sessions, 2 * sessions);
    const graceMs = this.#random.between(0, graceMsMax);
    let isKilled = false;
    const kill = (): void => {
      isKilled = process.kill(service.pid, "SIGKILL");
    };
    this.#answered = 0;
    const keepAsking = async (load: SessionLoad): Promise<void> => {
      while (!isKilled && (await load.act())) {
        this.#answered += 1;
        if (this.#answered === answersMax) setTimeout(kill, graceMs);
      }
    };
    await Promise.all(this.#loads.map(keepAsking));
    await service.exited;
    this.#diedAt = performance.now();
    this.#servedBefore = this.#servedMs;
    await this.end();
  }

  /** Starts the process again, and looks at everything that was said before it died. */
  async comeBack(): Promise<CrashRun> {
    const servedMs = this.#servedBefore;
    const inFlight = this.#loads.filter(({ known }) => known.isSurelyInFlight(servedMs));
    const unanswered = this.#unanswered;
    await this.#start();
    const awayMs = performance.now() - this.#diedAt;
    const checking = { caller: this.#calling, servedMs: () => this.#servedMs };
    const facts = await Promise.all(this.#loads.map((load) => checkSession(load, checking)));
    return {
      unanswered,
      answered: this.#answered,
      negotiationsInFlight: inFlight.length,
      awayMs,
      facts: facts.reduce((sum, count) => sum + count, 0),
      lost: [...this.#lost.splice(0), ...this.#loads.flatMap((load) => load.lost.splice(0))],
    };
  }

  async end(): Promise<void> {
    this.#caller?.[Symbol.dispose]();
    await this.#service?.[Symbol.asyncDispose]();
    this.#service = undefined;
  }

  async #start(): Promise<SpawnedService> {
    // From here on it may serve: how late that shows depends on the machine.
    this.#servingSince = performance.now();
    this.#service = await spawnService(this.#env);
    this.#caller = new Caller(this.#service.addresses.grpc);
    return this.#service;
  }

  get #unanswered(): number {
    return this.#loads.filter((load) => load.isUnanswered).length;
  }

  get #calling(): Caller {
    if (this.#caller === undefined) throw new Error("the service is not up");
    return this.#caller;
  }

  get #servedMs(): number {
    return this.#servedBefore + (performance.now() - this.#servingSince);
  }
}
