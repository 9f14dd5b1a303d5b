import { expect } from "vitest";
import type { Command, DecisionContext, Entropy, Population } from "../../src/core/command.ts";
import { decide } from "../../src/core/decide.ts";
import type { Decision } from "../../src/core/decision.ts";
import { defaultPolicy, type Policy } from "../../src/core/policy.ts";
import type { Gap, SessionRecord } from "../../src/core/session.ts";
import { sequentialIds } from "../support/service/sequential-ids.ts";
import { nothingServed, type Served, servedAfter, type Taken } from "../walk/judging/taken.ts";
import { brokenPromises } from "./checkers.ts";

/** Something that happens to the session, or to the world around it. */
export type Step = (world: World) => void;

/** Something that is found to be so. */
export type Check = (world: World) => void;

/** The first moment of every story; moments in stories count from here. */
export const start = 1_700_000_000_000;

/** One session, its small surroundings, and a clock that moves only by hand. */
export class World {
  readonly id = "session-1";
  record: SessionRecord | undefined;
  now: number = start;
  policy: Policy = defaultPolicy;
  watched = false;
  hostWatches = false;
  deliversHandshakes = false;
  /** What others have created. */
  population: Population = { sessionsAtBeach: 0, sessions: 0, attachedLately: 0, leasesAtBeach: 0 };
  /** Negotiations in flight towards every manager, of other sessions. */
  negotiationsElsewhere = 0;
  gaps: readonly Gap[] = [];
  incarnation = 0;
  entropy: Entropy = sequentialIds();
  /** Token keys, the one in use first. */
  keys: readonly string[] = ["key-1"];
  /** Ids of leases by the names that the story gives them. */
  readonly leases: Map<string, string> = new Map();
  /** Handshakes in the order in which they were started. */
  readonly handshakes: string[] = [];
  /** How often somebody asked for a lease. */
  acquired = 0;
  /** Numbers of the last reports, by end and reporter. */
  readonly sequences: Map<string, number> = new Map();
  /** The generations of the promotions so far, whatever the record has forgotten since. */
  readonly generations: number[] = [];
  #served: Served = nothingServed;
  #taken: Taken | undefined;

  /** Decides, and sees to it that no promise was broken on the way. */
  run<C extends Command>(command: C): Decision<C> {
    const before = deepFreeze(this.record);
    const context = this.#context();
    const decision = decide(this.id, before, deepFreeze(command), context);
    const taken = { id: this.id, before, command, context, decision, served: this.#served };
    expect(brokenPromises(taken)).toEqual([]);
    this.#served = servedAfter(taken);
    for (const event of decision.events) {
      if (event.kind === "HandshakeStarted") this.handshakes.push(event.handshake.id);
      if (event.kind === "HandshakePromoted") this.generations.push(event.generation);
    }
    this.record = decision.session;
    this.#taken = taken;
    return decision;
  }

  /** What the last step came to. */
  get last(): Taken {
    if (this.#taken === undefined) throw new Error("the story has not asked for anything yet");
    return this.#taken;
  }

  /** The id of a handshake: the n-th one started, or an id as it stands. */
  handshake(which: number | string = this.handshakes.length): string {
    const id = typeof which === "string" ? which : this.handshakes[which - 1];
    if (id === undefined) throw new Error(`the story has no handshake ${which}`);
    return id;
  }

  /** The generation of the n-th promotion; 0 before the first. */
  generation(nth: number): number {
    const generation = nth === 0 ? 0 : this.generations[nth - 1];
    if (generation === undefined) throw new Error(`the story has no promotion ${nth}`);
    return generation;
  }

  #context(): DecisionContext {
    const { now, policy, gaps, incarnation, entropy, watched, hostWatches, deliversHandshakes } =
      this;
    return {
      now,
      policy,
      gaps,
      incarnation,
      entropy,
      watched,
      hostWatches,
      deliversHandshakes,
      negotiationsInFlight: () => this.negotiationsElsewhere,
      populationOf: () => this.population,
    };
  }
}

/** A story to be continued. */
export interface Story {
  /** Goes on with what is being tested. */
  when(...steps: readonly Step[]): Story;
  /** Named so because an object with a method `then` would be taken for a promise. */
  expect(...checks: readonly Check[]): Story;
}

/** A session's life so far. Every step is a real decision, checked for every promise. */
export function given(...steps: readonly Step[]): Story {
  const world = new World();
  const story: Story = {
    when(...next) {
      for (const step of next) step(world);
      return story;
    },
    expect(...checks) {
      for (const check of checks) check(world);
      return story;
    },
  };
  return story.when(...steps);
}

/** Freezes data all the way down; functions are left alone. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
