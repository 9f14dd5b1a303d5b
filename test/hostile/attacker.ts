import { setMaxListeners } from "node:events";
import { constants, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

import type { Addresses } from "../../src/app.ts";
import { Random } from "../simulation/random.ts";
import { attackNamed } from "./attacks.ts";
import { Outcomes } from "./tools/outcomes.ts";

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

// The service and the well-behaved beach come first on a machine with few cores: the attack is
// judged by what it makes the service do, not by the processor that the attacker itself takes.
setPriority(constants.priority.PRIORITY_LOW);
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
  setTimeout(() => over.abort(), seconds * 1000);
  const attacking = attackNamed(attack).run({
    addresses,
    random: new Random(seed),
    signal: over.signal,
    outcomes,
    wrong: (what) => void (wrongs.size < wrongsMax && wrongs.add(what)),
  });
  await Promise.race([attacking, delay(seconds * 1000 + lateMsMax)]);
  tell(() => process.exit());
}
