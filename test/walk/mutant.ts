import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { edited } from "../support/sources/edit.ts";
import type { CoreUnderTest } from "./core-under-test.ts";
import type { Mutation } from "./mutation.ts";
import { scenes } from "./scenes.ts";
import { walk } from "./walk.ts";

const coreFolder = fileURLToPath(new URL("../../src/core", import.meta.url));

/** A copy of the core with a fault in it; gone when disposed of. */
interface Mutant extends AsyncDisposable {
  readonly core: CoreUnderTest;
}

/** Copies the core and edits the copy. Each edit has to find its place exactly once. */
async function mutantOf(mutation: Mutation): Promise<Mutant> {
  const folder = await mkdtemp(join(tmpdir(), "walk-mutant-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await cp(coreFolder, folder, { recursive: true });
    await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
    for (const edit of mutation.edits) {
      const path = join(folder, edit.file);
      await writeFile(path, edited(await readFile(path, "utf8"), edit));
    }
    return { core: await load(folder), [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * A fault shows early where it shows at all: a little of every scene is walked before much of any.
 */
const statesMaxima = [500, 5_000];

/** The promises that the first violation of a mutant breaks; none when nothing is noticed. */
export async function brokenBy(mutation: Mutation): Promise<readonly string[]> {
  await using mutant = await mutantOf(mutation);
  for (const statesMax of statesMaxima) {
    for (const scene of scenes) {
      const { violation } = walk(scene, { statesMax }, mutant.core);
      if (violation) return violation.faults.map(({ promise }) => promise);
    }
  }
  return [];
}

async function load(folder: string): Promise<CoreUnderTest> {
  const part = (file: string): Promise<CoreUnderTest> =>
    import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href);
  const { decide } = await part("decide.ts");
  const { decideRefresh } = await part("lease/decide-refresh.ts");
  const { evolve } = await part("evolve.ts");
  const { nextDeadline } = await part("deadlines/deadline.ts");
  const { faultsOf } = await part("invariants.ts");
  return { decide, decideRefresh, evolve, nextDeadline, faultsOf };
}
