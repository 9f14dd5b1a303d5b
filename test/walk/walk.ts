import type { Command } from "../../src/core/command.ts";
import { canonical, type Stood } from "./canonical.ts";
import { type CoreUnderTest, theCore } from "./core-under-test.ts";
import { nothingServed, servedAfter, type Taken } from "./judging/taken.ts";
import { type Move, movesFrom, type Step } from "./moves.ts";
import { type Fault, promisesOf } from "./promises.ts";
import type { Scene } from "./scenes.ts";
import { smallPolicy, tickMs } from "./small-policy.ts";
import { start } from "./vocabulary.ts";

/** What a walk came to. */
export interface Walked {
  readonly scene: Scene;
  readonly states: number;
  readonly edges: number;
  /** The longest shortest path. */
  readonly depth: number;
  /** Nothing new was left to be found. */
  readonly exhausted: boolean;
  /** How often each kind of command was decided. */
  readonly commands: ReadonlyMap<string, number>;
  readonly events: ReadonlyMap<string, number>;
  /** Pairs of records with one form of which all that follows was compared. */
  readonly compared: number;
  readonly violation: Violation | undefined;
}

export interface Violation {
  readonly faults: readonly Fault[];
  /** The shortest way there, move by move, each with its moment in ticks from the start. */
  readonly path: readonly string[];
}

interface State extends Stood {
  readonly depth: number;
  readonly from: State | undefined;
  readonly by: Move | undefined;
}

interface Limits {
  readonly statesMax?: number;
  /** Every how many meetings of two records all that follows is compared. */
  readonly compareEvery?: number;
}

/** Visits every state of a scene, breadth first, and stops at the first promise that is broken. */
export function walk(scene: Scene, limits: Limits = {}, core: CoreUnderTest = theCore): Walked {
  return new Walk(scene, limits, core).run();
}

class Walk {
  readonly #scene: Scene;
  readonly #core: CoreUnderTest;
  readonly #faultsOf: (taken: Taken) => readonly Fault[];
  readonly #statesMax: number;
  readonly #compareEvery: number;
  readonly #known = new Map<string, State>();
  readonly #queue: State[] = [];
  readonly #commands = new Map<string, number>();
  readonly #events = new Map<string, number>();
  #edges = 0;
  #met = 0;
  #compared = 0;
  #violation: Violation | undefined;

  constructor(scene: Scene, limits: Limits, core: CoreUnderTest) {
    this.#scene = scene;
    this.#core = core;
    this.#faultsOf = promisesOf(core);
    this.#statesMax = limits.statesMax ?? scene.statesMax ?? Number.POSITIVE_INFINITY;
    this.#compareEvery = limits.compareEvery ?? 1009;
  }

  run(): Walked {
    const first: State = {
      record: undefined,
      now: start,
      receivingSince: start,
      served: nothingServed,
      copy: undefined,
      depth: 0,
      from: undefined,
      by: undefined,
    };
    this.#find(first);
    let visited = 0;
    let cut = false;
    for (; visited < this.#queue.length && this.#violation === undefined; visited += 1) {
      const state = this.#queue[visited] as State;
      if (this.#known.size >= this.#statesMax) {
        cut = true;
        break;
      }
      for (const move of this.#movesFrom(state)) this.#follow(state, move);
    }
    return {
      scene: this.#scene,
      states: this.#known.size,
      edges: this.#edges,
      depth: this.#queue.at(-1)?.depth ?? 0,
      exhausted: !cut && this.#violation === undefined,
      commands: this.#commands,
      events: this.#events,
      compared: this.#compared,
      violation: this.#violation,
    };
  }

  #movesFrom({ record, now, receivingSince, served, copy }: Stood): readonly Move[] {
    const deadline = record && this.#core.nextDeadline(record, smallPolicy);
    return movesFrom({ record, now, receivingSince, served, copy, deadline }, this.#scene);
  }

  #follow(from: State, move: Move): void {
    if (this.#violation) return;
    this.#edges += 1;
    let stood: Stood = from;
    for (const step of move.steps) {
      if (step.becomes !== undefined) stood = step.becomes(stood);
      const command = step.ask(stood.record);
      if (command === undefined) continue;
      const taken = this.#take(stood, command, step);
      const faults = "promise" in taken ? [taken] : this.#faultsOf(taken);
      if (faults.length > 0 || "promise" in taken) {
        this.#violation = { faults, path: [...pathTo(from), received(move)] };
        return;
      }
      count(this.#commands, nameOf(taken));
      for (const event of taken.decision.events) count(this.#events, event.kind);
      stood = stoodAfter(stood, taken);
    }
    const { record, now, receivingSince, served, copy } = stood;
    if (record === from.record && now === from.now && copy === from.copy) return;
    const depth = from.depth + 1;
    this.#find({ record, now, receivingSince, served, copy, depth, from, by: move });
  }

  #find(state: State): void {
    const form = canonical(state, this.#scene);
    const known = this.#known.get(form);
    if (known === undefined) {
      this.#known.set(form, state);
      this.#queue.push(state);
      return;
    }
    this.#met += 1;
    if (this.#met % this.#compareEvery === 0) this.#compare(known, state);
  }

  /** Records of one form are alike if the same moves lead to the same forms. */
  #compare(known: State, state: State): void {
    this.#compared += 1;
    const [one, other] = [this.#futureOf(known), this.#futureOf(state)];
    const at = one.findIndex((line, index) => line !== other[index]);
    if (one.length === other.length && at < 0) return;
    const sentence = `two states count as one and differ: ${one.at(at)} and ${other.at(at)}`;
    this.#violation = {
      faults: [{ promise: "Alike", sentence }],
      path: pathTo(state),
    };
  }

  #futureOf(state: State): readonly string[] {
    return this.#movesFrom(state).map((move) => {
      let stood: Stood = state;
      const answers: string[] = [];
      for (const step of move.steps) {
        if (step.becomes !== undefined) stood = step.becomes(stood);
        const command = step.ask(stood.record);
        if (command === undefined) continue;
        const taken = this.#take(stood, command, step);
        if ("promise" in taken) return taken.sentence;
        answers.push(taken.decision.kind);
        stood = stoodAfter(stood, taken);
      }
      return `${move.name}: ${answers} ${canonical(stood, this.#scene)}`;
    });
  }

  #take({ record: before, served }: Stood, command: Command, step: Step): Taken | Fault {
    const { now, gap, incarnationChanged = false, watched = false, hostWatches = false } = step;
    const context = {
      now,
      policy: smallPolicy,
      gaps: gap ? [gap] : [],
      incarnation: (before?.incarnation ?? 0) + (incarnationChanged ? 1 : 0),
      entropy,
      negotiationsInFlight: () => 0,
      populationOf: () => nobody,
      watched,
      hostWatches,
      deliversHandshakes: this.#scene.delivers ?? false,
    };
    try {
      const decision = this.#core.decide("session", before, command, context);
      return { id: "session", before, command, context, decision, served };
    } catch (error) {
      return { promise: "Total", sentence: `the core threw: ${String(error)}` };
    }
  }
}

const nobody = { sessionsAtBeach: 0, sessions: 0, attachedLately: 0, leasesAtBeach: 0 };
const entropy = { jitter: () => 0, handshakeBits: () => "0123456789abcdef012" };

function stoodAfter({ receivingSince, copy }: Stood, taken: Taken): Stood {
  return {
    record: taken.decision.session,
    now: taken.context.now,
    receivingSince: receivingAfter(taken, receivingSince),
    served: servedAfter(taken),
    copy,
  };
}

/** A session is heard from its attach, and again from the end of each gap. */
function receivingAfter({ decision }: Taken, before: number): number {
  return decision.events.reduce(
    (since, event) =>
      event.kind === "SessionAttached" || event.kind === "GapTaken" ? event.at : since,
    before,
  );
}

function pathTo(state: State): readonly string[] {
  const moves: string[] = [];
  for (let at: State | undefined = state; at?.by; at = at.from) moves.push(received(at.by));
  return moves.reverse();
}

function received({ name, steps }: Move): string {
  return `${((steps.at(-1)?.now ?? start) - start) / tickMs}: ${name}`;
}

function nameOf({ command, decision }: Taken): string {
  return decision.kind === "accepted" ? command.kind : `${command.kind} refused`;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
