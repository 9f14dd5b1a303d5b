import { once } from "node:events";
import { parseArgs } from "node:util";

import { type DeathWish, deathWishes, openDemo } from "./show.ts";

// `npm run demo`: a whole beach on this machine, one line a second.

const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false },
    seconds: { type: "string" },
    kill: { type: "string" },
    replace: { type: "boolean", default: false },
  },
});

const help = `Usage: npm run demo [-- options]

Starts the service, a manager, 2 hosts and 3 tiles (two over Connect, one that knows only the old
route) over real WebRTC, and prints a line a second for each session.

  --seconds N     end after N seconds
  --kill HOW      after 5 s, kill the first session's transport: close, channel, host or silence
  --replace       after 5 s, replace the first session's transport while it works
  --help          this

On a terminal: 1 2 choose a session, k close, c close a channel, h kill the host, s silence it,
r replace, q quit.
`;

const actAfterMs = 5_000;

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
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

if (values.help) {
  process.stdout.write(help);
} else {
  await run(readSeconds(), readKill());
}

async function run(seconds: number | undefined, kill: DeathWish | undefined): Promise<void> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  await using demo = await openDemo((line) => void process.stdout.write(`${line}\n`));
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
