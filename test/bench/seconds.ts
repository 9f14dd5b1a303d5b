import type { Size } from "./bench.ts";

const startSeconds = 1.5;

/** How long rounds take in which so many take turns. */
export function secondsOf({ rounds, warmUpMs, ms }: Size, entrants: number): number {
  return rounds * entrants * (startSeconds + (warmUpMs + ms) / 1000);
}
