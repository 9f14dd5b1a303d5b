import type { Size } from "./bench.ts";

/** How long it takes to fill a file with sessions, and to start with one. */
export function secondsToFill(sessions: number): number {
  return sessions / 6_000;
}

export function secondsToStart(sessions: number): number {
  return 1 + sessions / 115_000;
}

/** How long rounds take in which so many take turns. */
export function secondsOf({ rounds, leases, warmUpMs, ms }: Size, entrants: number): number {
  return rounds * entrants * (0.9 + leases / 1000 + (warmUpMs + ms) / 1000);
}
