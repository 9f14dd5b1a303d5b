import { randomInt } from "node:crypto";

import {
  numberFrom0,
  readCommandOptions,
  wholeNumberFrom,
} from "../support/runs/command-options.ts";
import { fuzz } from "./fuzz.ts";

const help = `Sends a service whatever chance makes, on every door: bytes, JSON, protobuf, frames, bearers.

  npm run fuzz -- [--seconds S] [--seed N]

  --seconds S   for how long; 0: one round (default: 20)
  --seed N      where to begin: a round sends what its seed says (default: by chance; it is printed)
  --help        this text

Each round has a seed, one above that of the round before; a fault is printed with its round's, and with
the least that shows it. Ends with 1 when the service died, did not answer, failed a caller that behaves
well, kept what it held, or answered in words that are not its own.
`;

const { seconds, seed } = readCommandOptions("fuzz", help, {
  seconds: numberFrom0(20),
  seed: wholeNumberFrom(0, randomInt(1_000_000_000)),
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

// The service ends with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
print(`seed ${seed}`);
const { sent, rounds, faults } = await fuzz({ seconds, seed, idleConnections: 2_000, say: print });
print(`${rounds} rounds, ${sent} sent, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
