import { theCore } from "../walk/core-under-test.ts";
import type { Taken } from "../walk/judging/taken.ts";
import { promisesOf } from "../walk/promises.ts";

const faultsOf = promisesOf(theCore);

/** A sentence for each promise that a decision breaks, led by the name of the promise. */
export function brokenPromises(taken: Taken): readonly string[] {
  return faultsOf(taken).map(({ promise, sentence }) => `${promise}: ${sentence}`);
}
