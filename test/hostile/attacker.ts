import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import type { Addresses } from "../../src/app.ts";
import { Random } from "../support/runs/random.ts";
import { attackNamed } from "./attacks.ts";
import { Outcomes } from "./tools/outcomes.ts";
import { attachMany } from "./tools/sessions.ts";

/** What the process of an attacker is told to do; it waits for that, and ends when it is done. */
export interface AttackerOrder {
  readonly attack: string;
  readonly addresses: Addresses;
  readonly seconds: number;
  readonly seed: number;
}

/** What it tells, again and again. */
export interface AttackerWord {
  readonly outcomes: Readonly<Record<string, number>>;
  readonly wrongs: readonly string[];
}

const wrongsMax = 20;
/** For how long an attack may clean up; answers that do not come are not waited for any longer. */
const lateMsMax = 1_000;
const tellEveryMs = 200;

/** An attack that has not done yet what it needs to do goes on for as long at most. */
const attackMsMax = 25_000;
process.once("message", (order) => void obey(order as AttackerOrder));
// Whoever started it has gone.
process.on("disconnect", () => process.exit());

async function obey({ attack, addresses, seconds, seed }: AttackerOrder): Promise<void> {
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const outcomes = new Outcomes();
  const wrongs = new Set<string>();
  const tell = (done: () => void = () => undefined): void => {
    const word: AttackerWord = { outcomes: outcomes.counts, wrongs: [...wrongs] };
    if (process.connected) process.send?.(word, done);
  };
  setInterval(() => tell(), tellEveryMs);
  const { attaches = 0, needs, refusedAs, run } = attackNamed(attack);
  await attachMany(addresses, outcomes, attaches);
  const isEnough = (): boolean =>
    (needs === undefined || (outcomes.counts[needs.outcome] ?? 0) >= needs.times) &&
    (refusedAs === undefined || outcomes.hasSeen(refusedAs));
  const timing = outlast(seconds * 1000, isEnough).then(() => over.abort());
  const attacking = run({
    addresses,
    random: new Random(seed),
    signal: over.signal,
    outcomes,
    wrong: (what) => void (wrongs.size < wrongsMax && wrongs.add(what)),
  });
  await Promise.race([attacking, timing.then(() => delay(lateMsMax))]);
  tell(() => process.exit());
}

/** Lets the time pass, and more of it until there is enough. */
async function outlast(timeMs: number, isEnough: () => boolean): Promise<void> {
  const begun = performance.now();
  await delay(timeMs);
  while (!isEnough() && performance.now() - begun < attackMsMax) await delay(tellEveryMs / 4);
}
