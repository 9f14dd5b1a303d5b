import type { DurationMs } from "../../../src/core/time.ts";
import type { History } from "../../simulation/seen/history.ts";
import type { Time } from "../../simulation/world.ts";
import type { Random } from "../../support/runs/random.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Replica } from "../fleet/replica.ts";
import { Outages, type Part } from "./outages.ts";
import type { Strike, StrikeName } from "./schedule.ts";

interface StormParts {
  readonly fleet: Fleet;
  readonly time: Time;
  readonly history: History;
  /** Draws which connections are struck. */
  readonly random: Random;
  readonly count: (name: StrikeName) => void;
  readonly live: (who: string, life: () => Promise<void>) => void;
}

/** After something is whole again, until everybody may be expected to have found out. */
const recoveryMs: DurationMs = 3_000;
/** Within this time a process has given a dead connection to the store up and made another. */
const flowMs: DurationMs = 12_000;

/** Strikes processes and wires as the schedule says. */
export class Storm {
  readonly #parts: StormParts;
  readonly #outages: Outages;
  /** What is being struck: one thing at a time befalls each. */
  readonly #struck = new Set<string>();
  #underWay = 0;

  constructor(parts: StormParts) {
    this.#parts = parts;
    const { time, history, fleet } = parts;
    const numbers = fleet.replicas.map(({ number }) => number);
    this.#outages = new Outages(time, history, numbers);
  }

  /** Strikes until the time is over; what was struck last may not be whole again yet. */
  async rage(schedule: readonly Strike[], durationMs: DurationMs): Promise<void> {
    const { time, live } = this.#parts;
    const start = time.now;
    for (const strike of schedule) {
      await time.sleep(start + strike.at - time.now);
      live(strike.name, () => this.#perform(strike));
    }
    await time.sleep(start + durationMs - time.now);
  }

  /** Resolves when all that was struck is whole again. */
  async pass(): Promise<void> {
    while (this.#underWay > 0) await this.#parts.time.sleep(100);
  }

  async #perform(strike: Strike): Promise<void> {
    const { fleet, time, history, count } = this.#parts;
    const { parts, act } = this.#plan(strike, fleet.replicas[strike.replica - 1] as Replica);
    if (parts.some((part) => this.#struck.has(part))) return;
    for (const part of parts) this.#struck.add(part);
    this.#underWay += 1;
    count(strike.name);
    const from = time.now;
    try {
      await act();
    } finally {
      for (const part of parts) this.#struck.delete(part);
      this.#underWay -= 1;
    }
    history.trouble("fleet shaken", from, time.now + recoveryMs, `(${strike.name}: ${parts})`);
  }

  /** What is struck, and how. */
  #plan(strike: Strike, replica: Replica): Plan {
    const { fleet } = this.#parts;
    const { forMs } = strike;
    const one = [replica];
    const all = fleet.replicas;
    switch (strike.name) {
      case "replica killed":
        return ofProcesses(one, () => this.#takeDown(replica, () => replica.kill(), forMs));
      case "replica drained":
        return ofProcesses(one, () => this.#takeDown(replica, () => replica.drain(), forMs));
      case "replicas rolled":
        return ofProcesses(all, () => this.#roll(forMs));
      case "replica paused":
        return ofProcesses(one, () => this.#pause(one, forMs));
      case "all replicas paused":
        return ofProcesses(all, () => this.#pause(all, forMs));
      case "store killed":
        return { parts: ["store"], act: () => this.#killStore(forMs) };
      case "store paused":
        return { parts: ["store"], act: () => this.#pauseStore(forMs) };
      case "store link cut":
        return ofWires(one, () => this.#breakWires(one, "cut", forMs));
      case "store link frozen":
        return ofWires(one, () => this.#breakWires(one, "freeze", forMs));
      case "all store links cut":
        return ofWires(all, () => this.#breakWires(all, "cut", forMs));
      case "store answers frozen":
        return ofWires(one, () => this.#freezeAnswers(replica, forMs));
      case "store flow forgotten":
        return ofWires(one, () => this.#forgetStoreFlow(replica));
      case "clients cut":
      case "clients frozen":
      case "client flow forgotten":
        return ofDoors(replica, () => this.#troubleClients(strike, replica));
    }
  }

  async #takeDown(replica: Replica, end: () => Promise<void>, forMs: DurationMs): Promise<void> {
    const part: Part = `process ${replica.number}`;
    await end();
    this.#outages.begin(part);
    await this.#parts.time.sleep(forMs);
    this.#outages.end(part);
    await replica.start();
  }

  async #roll(forMs: DurationMs): Promise<void> {
    for (const replica of this.#parts.fleet.replicas) {
      await this.#takeDown(replica, () => replica.drain(), forMs);
    }
  }

  async #pause(replicas: readonly Replica[], forMs: DurationMs): Promise<void> {
    for (const replica of replicas) replica.signal("SIGSTOP");
    for (const { number } of replicas) this.#outages.begin(`process ${number}`);
    await this.#parts.time.sleep(forMs);
    for (const { number } of replicas) this.#outages.end(`process ${number}`);
    for (const replica of replicas) replica.signal("SIGCONT");
  }

  async #killStore(forMs: DurationMs): Promise<void> {
    const { fleet, time } = this.#parts;
    await fleet.store.kill();
    this.#outages.begin("store");
    await time.sleep(forMs);
    this.#outages.end("store");
    await fleet.restartStore();
  }

  async #pauseStore(forMs: DurationMs): Promise<void> {
    const { fleet, time } = this.#parts;
    fleet.store.signal("SIGSTOP");
    this.#outages.begin("store");
    await time.sleep(forMs);
    this.#outages.end("store");
    fleet.store.signal("SIGCONT");
  }

  async #breakWires(
    replicas: readonly Replica[],
    how: "cut" | "freeze",
    forMs: DurationMs,
  ): Promise<void> {
    for (const { storeLink } of replicas) {
      if (how === "cut") storeLink.cut();
      else storeLink.freeze("both");
    }
    for (const { number } of replicas) this.#outages.begin(`wire ${number}`);
    await this.#parts.time.sleep(forMs);
    for (const { number } of replicas) this.#outages.end(`wire ${number}`);
    for (const { storeLink } of replicas) storeLink.heal();
  }

  /** What is asked takes effect, and nobody hears of it. */
  async #freezeAnswers({ storeLink }: Replica, forMs: DurationMs): Promise<void> {
    storeLink.freeze("answers");
    await this.#parts.time.sleep(forMs);
    storeLink.heal();
  }

  async #forgetStoreFlow({ storeLink }: Replica): Promise<void> {
    storeLink.forgetFlows();
    await this.#parts.time.sleep(flowMs);
  }

  async #troubleClients({ name, forMs }: Strike, { run }: Replica): Promise<void> {
    const { time, random } = this.#parts;
    if (run === undefined) return;
    const frozen = random.pick(["both", "questions", "answers"] as const);
    for (const door of [run.grpc, run.http]) {
      if (name === "clients cut") door.cut();
      else if (name === "clients frozen") door.freeze(frozen);
      else door.forgetFlows(() => random.chance(0.4));
    }
    await time.sleep(forMs);
    for (const door of [run.grpc, run.http]) door.heal();
  }
}

interface Plan {
  readonly parts: readonly string[];
  readonly act: () => Promise<void>;
}

function ofProcesses(replicas: readonly Replica[], act: () => Promise<void>): Plan {
  return { parts: replicas.map(({ number }) => `process ${number}`), act };
}

function ofWires(replicas: readonly Replica[], act: () => Promise<void>): Plan {
  return { parts: replicas.map(({ number }) => `wire ${number}`), act };
}

function ofDoors({ number }: Replica, act: () => Promise<void>): Plan {
  return { parts: [`doors ${number}`], act };
}
