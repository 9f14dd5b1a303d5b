import { constants, setPriority } from "node:os";

import type { Addresses } from "../../src/app.ts";
import { Random } from "../simulation/random.ts";
import { attackNamed } from "./attacks.ts";
import { Outcomes } from "./tools/outcomes.ts";

/** What the process of an attacker is started with. */
export interface AttackerConfig {
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

// The service and the well-behaved beach come first on a machine with few cores: the attack is
// judged by what it makes the service do, not by the processor that the attacker itself takes.
setPriority(constants.priority.PRIORITY_LOW);

const config = JSON.parse(process.argv[2] ?? "") as AttackerConfig;
const over = new AbortController();
const outcomes = new Outcomes();
const wrongs = new Set<string>();
const tell = (done: () => void = () => undefined): void => {
  const word: AttackerWord = { outcomes: outcomes.counts, wrongs: [...wrongs] };
  if (process.connected) process.send?.(word, done);
};
const telling = setInterval(() => tell(), 200);
setTimeout(() => over.abort(), config.seconds * 1000);
// Whoever started it has gone.
process.on("disconnect", () => process.exit());

await attackNamed(config.attack).run({
  addresses: config.addresses,
  random: new Random(config.seed),
  signal: over.signal,
  seconds: config.seconds,
  outcomes,
  wrong: (what) => void (wrongs.size < wrongsMax && wrongs.add(what)),
});
clearInterval(telling);
tell(() => process.exit());
