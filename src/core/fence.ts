import { aheadMsMax, type EpochMs } from "./time.ts";

/**
 * The number of the next promotion or grant: above `used`, and not below service time.
 *
 * A session cannot know whether it has lived before. Its tombstone may have expired, its store may
 * have been emptied or replaced by an older file, or its id may be attached anew: what a record
 * remembers may be less than what was once served. Service time needs no memory. A number is at
 * most the moment, in milliseconds, at which it was given out, so the next one is above all of
 * them even if none is remembered.
 *
 * Two things can put a number ahead of service time, and a record that was not lost covers both:
 * several promotions within a millisecond, and a clock that went back; a tombstone stands until
 * neither is so. Where the memory was lost as well, the ends still know under which generation they
 * were served: see {@link namedGeneration}.
 */
export function nextFence(used: number, now: EpochMs): number {
  return Math.max(used + 1, Math.floor(now));
}

/**
 * The generation that an end names, as far as it can be one of ours; otherwise 0. A clock may have
 * been ahead when it was given out, by a day at most.
 */
export function namedGeneration(generation: number, now: EpochMs): number {
  return generation <= now + aheadMsMax ? generation : 0;
}
