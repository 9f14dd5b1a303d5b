import type { Taken } from "../walk/checkers/taken.ts";
import { theCore } from "../walk/core-under-test.ts";
import { promisesOf } from "../walk/promises.ts";

const faultsOf = promisesOf(theCore);

/** A sentence for each promise that a decision breaks, led by the name of the promise. */
export function brokenPromises(taken: Taken): readonly string[] {
  return faultsOf(taken).map(({ promise, sentence }) => `${promise}: ${sentence}`);
}
