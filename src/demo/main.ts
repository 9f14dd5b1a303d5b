import { once } from "node:events";
import { parseArgs } from "node:util";

import { RedisMissing } from "./redis-process.ts";
import { type DeathWish, deathWishes, openDemo } from "./show.ts";

// `npm run demo`: a whole beach on this machine, one line a second.

const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false },
    seconds: { type: "string" },
    kill: { type: "string" },
    replace: { type: "boolean", default: false },
    replicas: { type: "string" },
  },
});

const help = `Usage: npm run demo [-- options]

Starts the service, a manager, 2 hosts and 3 tiles (two over Connect, one that knows only the old
route) over real WebRTC, and prints a line a second for each session.

  --seconds N     end after N seconds
  --kill HOW      after 5 s, kill the first session's transport: close, channel, host or silence;
                  or, with --replicas, a replica
  --replace       after 5 s, replace the first session's transport while it works
  --replicas N    N processes of the service on one Redis, behind a balancer; needs redis-server
  --help          this

On a terminal: 1 2 choose a session, k close, c close a channel, h kill the host, s silence it,
r replace, x kill a replica, q quit.
`;

const actAfterMs = 5_000;
const replicasMax = 9;

function fail(message: string, code = 2): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function readSeconds(): number | undefined {
  if (values.seconds === undefined) return undefined;
  const seconds = Number(values.seconds);
  return seconds > 0 ? seconds : fail(`--seconds must be a positive number, not ${values.seconds}`);
}

function readKill(): DeathWish | undefined {
  const wish = deathWishes.find((known) => known === values.kill);
  if (values.kill !== undefined && wish === undefined) {
    fail(`--kill must be one of ${deathWishes.join(", ")}, not ${values.kill}`);
  }
  return wish;
}

function readReplicas(): number {
  const replicas = Number(values.replicas ?? 0);
  const isFit = Number.isInteger(replicas) && replicas >= 0 && replicas <= replicasMax;
  if (!isFit) fail(`--replicas must be a number up to ${replicasMax}, not ${values.replicas}`);
  if (values.kill === "replica" && replicas === 0) fail("--kill replica needs --replicas");
  return replicas;
}

if (values.help) {
  process.stdout.write(help);
} else {
  await run(readSeconds(), readKill());
}

async function run(seconds: number | undefined, kill: DeathWish | undefined): Promise<void> {
  const replicas = readReplicas();
  const ending = new AbortController();
  const end = (): void => ending.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  await using demo = await openDemo(print, replicas).catch((error: unknown) => {
    if (error instanceof RedisMissing) fail(error.message, 1);
    throw error;
  });
  const timers = [
    setInterval(() => void demo.tick(), 1_000),
    setTimeout(() => {
      if (kill !== undefined) void demo.kill(kill);
      if (values.replace) void demo.replace();
    }, actAfterMs),
  ];
  if (seconds !== undefined) timers.push(setTimeout(end, seconds * 1_000));
  const releaseKeys = listenToKeys((key) => {
    if (key === "q" || key === "\u0003") end();
    else demo.press(key);
  });
  if (!ending.signal.aborted) await once(ending.signal, "abort");
  for (const timer of timers) clearTimeout(timer);
  releaseKeys();
}

function listenToKeys(onKey: (key: string) => void): () => void {
  if (!process.stdin.isTTY) return () => undefined;
  process.stdin.setRawMode(true);
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (keys) => {
    for (const key of String(keys)) onKey(key);
  });
  return () => {
    process.stdin.setRawMode(false);
    process.stdin.pause();
  };
}
