import { checkCurrent } from "./checkers/current.ts";
import { checkDelivered } from "./checkers/delivered.ts";
import { checkDurable } from "./checkers/durable.ts";
import { checkFenced } from "./checkers/fenced.ts";
import { checkFolded } from "./checkers/folded.ts";
import { checkGenuine } from "./checkers/genuine.ts";
import { checkHeld } from "./checkers/held.ts";
import { checkHonoured } from "./checkers/honoured.ts";
import { checkOrdered } from "./checkers/ordered.ts";
import { checkOverlapped } from "./checkers/overlapped.ts";
import { shortRoadBy } from "./checkers/short-road.ts";
import { checkSingle } from "./checkers/single.ts";
import { checkStopped } from "./checkers/stopped.ts";
import { timelyBy } from "./checkers/timely.ts";
import { checkTruthful } from "./checkers/truthful.ts";
import { checkUndisturbed } from "./checkers/undisturbed.ts";
import type { CoreUnderTest } from "./core-under-test.ts";
import { type Checker, changesOf, type Taken } from "./judging/taken.ts";

/** The promise that a decision broke, and how. */
export interface Fault {
  readonly promise: string;
  readonly sentence: string;
}

/** Tells what a decision of `core` breaks. */
export function promisesOf(core: CoreUnderTest): (taken: Taken) => readonly Fault[] {
  const checkers: Readonly<Record<string, Checker>> = {
    Held: checkHeld,
    Stopped: checkStopped,
    Undisturbed: checkUndisturbed,
    Overlapped: checkOverlapped,
    Single: checkSingle,
    Honoured: checkHonoured,
    Genuine: checkGenuine,
    Truthful: checkTruthful,
    Fenced: checkFenced,
    Delivered: checkDelivered,
    Durable: checkDurable,
    Current: checkCurrent,
    Ordered: checkOrdered,
    Timely: timelyBy(core.nextDeadline),
    Folded: checkFolded,
    Short: shortRoadBy(core),
    Invariants: ({ decision, context: { policy } }) =>
      decision.session ? core.faultsOf(decision.session, policy) : [],
  };
  const all = Object.entries(checkers);
  return (taken) => {
    const changes = changesOf(taken, core.evolve);
    return all.flatMap(([promise, check]) =>
      check(taken, changes).map((sentence) => ({ promise, sentence })),
    );
  };
}
