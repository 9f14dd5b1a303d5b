import { openSync } from "node:fs";

/** Loaded into a service before all else: it grows in memory, timers and descriptors from then on. */
const everyMs = 10;
const numbersEachTime = 10_000;
const farAwayMs = 86_400_000;

const kept: unknown[] = [];
setInterval(() => {
  kept.push(new Array(numbersEachTime).fill(kept.length), openSync("/dev/null", "r"));
  setTimeout(() => undefined, farAwayMs);
}, everyMs);
