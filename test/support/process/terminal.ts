import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import type { Readable, Writable } from "node:stream";

import type { Env } from "./run-service.ts";

/** Whether programs can be given a terminal here: by `script` of util-linux. */
export const hasTerminals: boolean =
  spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0;

if (!hasTerminals) {
  process.stderr.write(
    "skipping tests on a terminal: no script (Debian: apt-get install bsdutils)\n",
  );
}

/** Runs a shell command on a terminal of its own; what is written to it are keys that are pressed. */
export function spawnOnTerminal(
  command: string,
  env: Env = {},
): ChildProcessByStdio<Writable, Readable, null> {
  return spawn("script", ["-qec", command, "/dev/null"], {
    env: { TERM: "xterm", PATH: "/usr/local/bin:/usr/bin:/bin", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
}
