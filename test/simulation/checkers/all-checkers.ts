import { bounded } from "./bounded.ts";
import type { Breach, Checker } from "./checker.ts";
import { current } from "./current.ts";
import { durable } from "./durable.ts";
import { fenced } from "./fenced.ts";
import { genuine } from "./genuine.ts";
import { held } from "./held.ts";
import { ordered } from "./ordered.ts";
import { overlapped } from "./overlapped.ts";
import { prompt } from "./prompt.ts";
import { resumable } from "./resumable.ts";
import { single } from "./single.ts";
import { undisturbed } from "./undisturbed.ts";
import type { Witness } from "./witness.ts";

/** The guarantees, each by its name. */
const checkers: Readonly<Record<string, Checker>> = {
  Held: held,
  Undisturbed: undisturbed,
  Overlapped: overlapped,
  Single: single,
  Genuine: genuine,
  Fenced: fenced,
  Durable: durable,
  Prompt: prompt,
  Ordered: ordered,
  Current: current,
  Resumable: resumable,
  Bounded: bounded,
};

/** A breach, with the name of the guarantee that was broken. */
export interface NamedBreach extends Breach {
  readonly guarantee: string;
}

/** Everything that was promised and not kept, in order of the history. */
export function breachesOf(witness: Witness): readonly NamedBreach[] {
  return Object.entries(checkers)
    .flatMap(([guarantee, check]) => check(witness).map((breach) => ({ guarantee, ...breach })))
    .toSorted((a, b) => a.serial - b.serial);
}
