import { readCommandOptions, wholeNumberFrom } from "../support/runs/command-options.ts";
import { type Drained, drainUnder, promisedMs, rightWays } from "./drain-run.ts";

const help = `Drains a process of the service under many open watch streams.

  npm run drain -- [--streams N] [--help]

  --streams N   how many: half over gRPC at the internal door, half over Connect, HTTP/2 and TLS at the
                public one, on several connections each (default: 10000)

Each stream has to be told that the service drains, and to end with UNAVAILABLE; the process has to end
with 0 within ${promisedMs / 1000} s. Exits with 1 otherwise.
`;

const { streams } = readCommandOptions("drain", help, { streams: wholeNumberFrom(2, 10_000) });
const perDoor = Math.floor(streams / 2);
print(`opening ${perDoor} streams at each door`);
const drained = await drainUnder(perDoor);
for (const [protocol, ways] of Object.entries(drained.ways)) {
  const ends = [...ways].map(([way, times]) => `${times} ended with ${way}`);
  print(`${protocol}: ${ends.join("; ")}`);
}
print(`the last stream ended ${drained.lastStreamMs.toFixed()} ms after SIGTERM`);
print(`the process ended with ${drained.exitCode} after ${drained.exitMs.toFixed()} ms`);
const isKept = isAsPromised(drained);
print(isKept ? "as promised" : "NOT as promised");
process.exitCode = isKept ? 0 : 1;

function isAsPromised({ ways, exitCode, exitMs }: Drained): boolean {
  const { gRPC, Connect } = rightWays;
  const isTold = ways.gRPC.get(gRPC.told) === perDoor && ways.Connect.get(Connect.told) === perDoor;
  return isTold && exitCode === 0 && exitMs <= promisedMs;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
