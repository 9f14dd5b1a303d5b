import { once } from "node:events";

import { badUsageExitCode, readCommandLine } from "../command-line.ts";
import { type Fault, faults } from "./interventions.ts";
import { demoHelp, keyLegend } from "./legend.ts";
import { type DemoSetup, openDemo } from "./show.ts";

// `npm run demo`: a whole beach on this machine, a line a second for each session.

const exitCodes = { done: 0, broken: 1 } as const;
const actAfterMs = 5_000;
const secondsMax = 86_400;
const replicasMax = 9;
const portMax = 65_535;
const killable = [...faults, "replica"] as const;

interface DemoOptions {
  readonly seconds: number | undefined;
  readonly kill: Fault | "replica" | undefined;
  readonly replace: boolean;
  readonly setup: DemoSetup;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = {
    help: { type: "boolean", short: "h" },
    seconds: { type: "string" },
    kill: { type: "string" },
    replace: { type: "boolean", default: false },
    replicas: { type: "string" },
    "page-port": { type: "string", default: "0" },
    "no-page": { type: "boolean", default: false },
  } as const;
  const line = readCommandLine(args, options, "npm run demo -- --help");
  if (line.kind === "fault") return refuse(line.fault);
  const { help, seconds, kill, replace, replicas, "page-port": port } = line.options;
  if (help) {
    process.stdout.write(demoHelp);
    return exitCodes.done;
  }
  if (seconds !== undefined && !(Number(seconds) > 0 && Number(seconds) <= secondsMax)) {
    return refuse(`--seconds is "${seconds}": it must be a number above 0, up to ${secondsMax}`);
  }
  const death = killable.find((known) => known === kill);
  if (kill !== undefined && death === undefined) {
    return refuse(`--kill is "${kill}": it must be one of ${killable.join(", ")}`);
  }
  if (replicas !== undefined && !/^[1-9]$/.test(replicas)) {
    return refuse(`--replicas is "${replicas}": it must be a number from 1 to ${replicasMax}`);
  }
  if (death === "replica" && replicas === undefined) {
    return refuse("--kill replica needs replicas: add --replicas 2");
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > portMax) {
    return refuse(`--page-port is "${port}": it must be a number from 0 to ${portMax}`);
  }
  return await run({
    seconds: seconds === undefined ? undefined : Number(seconds),
    kill: death,
    replace,
    setup: {
      ...(replicas === undefined ? {} : { replicas: Number(replicas) }),
      ...(line.options["no-page"] ? {} : { pagePort: Number(port) }),
    },
  });
}

async function run({ seconds, kill, replace, setup }: DemoOptions): Promise<number> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  ending.signal.addEventListener("abort", () => print("ending: stopping every process"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  // The reader of the output has left.
  process.stdout.on("error", end);
  try {
    await using demo = await openDemo(print, ending.signal, setup);
    const timers = [
      setInterval(() => void demo.tick(), 1_000),
      setTimeout(() => {
        if (kill === "replica") void demo.killReplica();
        else if (kill !== undefined) void demo.perform(kill);
        if (replace) void demo.perform("replace");
      }, actAfterMs),
    ];
    if (seconds !== undefined) timers.push(setTimeout(end, seconds * 1_000));
    using _keys = listenToKeys((key) => (isEnd(key) ? end() : demo.press(key)));
    const broken = await Promise.race([demo.broken, aborted(ending.signal)]);
    for (const timer of timers) clearTimeout(timer);
    return broken === undefined ? exitCodes.done : fail(`${broken} has ended unexpectedly`);
  } catch (error) {
    if (ending.signal.aborted) return exitCodes.done;
    return fail(error instanceof Error ? error.message : String(error));
  }
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, "abort");
}

/** `q`, and Ctrl-C, which is a key like others while keys are listened to. */
function isEnd(key: string): boolean {
  return key === "q" || key === "\u0003";
}

function listenToKeys(onKey: (key: string) => void): Disposable {
  const { stdin } = process;
  if (!stdin.isTTY) {
    print("Ctrl-C ends the demo.\n");
    return { [Symbol.dispose]: () => undefined };
  }
  print(`Keys:\n${keyLegend()}\n`);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.on("data", (keys) => {
    for (const key of String(keys)) onKey(key);
  });
  return {
    [Symbol.dispose]() {
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function refuse(fault: string): number {
  process.stderr.write(`demo: ${fault}\n`);
  return badUsageExitCode;
}

function fail(why: string): number {
  process.stderr.write(`demo: ${why}\n`);
  return exitCodes.broken;
}
