import { execFileSync } from "node:child_process";

/** Where there is no history to draw from. */
const fixedSeed = 20_251_117;

/** The n-th seed of a run: spread out, so that runs of neighbouring numbers share none. */
export function seedAt(base: number, index: number): number {
  return (Math.imul(base + 1, 0x9e3779b1) + Math.imul(index, 0x85ebca6b)) >>> 0;
}

/** A number for the commit at hand, so that each commit lives through days of its own. */
export function commitSeed(): number {
  try {
    const commit = execFileSync("git", ["rev-parse", "HEAD"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return Number.parseInt(commit.toString("latin1").slice(0, 8), 16);
  } catch {
    return fixedSeed;
  }
}
