import { bounded } from "../checkers/bounded.ts";
import { current } from "../checkers/current.ts";
import { durable } from "../checkers/durable.ts";
import { fenced } from "../checkers/fenced.ts";
import { genuine } from "../checkers/genuine.ts";
import { held } from "../checkers/held.ts";
import { ordered } from "../checkers/ordered.ts";
import { overlapped } from "../checkers/overlapped.ts";
import { prompt } from "../checkers/prompt.ts";
import { resumable } from "../checkers/resumable.ts";
import { single } from "../checkers/single.ts";
import { undisturbed } from "../checkers/undisturbed.ts";
import type { Breach, Checker } from "./checker.ts";
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
