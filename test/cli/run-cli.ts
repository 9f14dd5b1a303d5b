import { spawn } from "node:child_process";
import { join } from "node:path";

import { readEnv } from "../../src/settings/read-env.ts";
import type { Env } from "../support/process/run-service.ts";

/** What a run of the command came to. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the command that goes on until it ends or is ended. */
export interface RunningCli {
  readonly stdout: () => readonly string[];
  readonly stderr: () => readonly string[];
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** Closes the reading end of standard output. */
  leave(): void;
}

/** The command as its source stands. */
export const cliMain: string = join(import.meta.dirname, "../../src/cli/main.ts");

/** Starts `controller-lease` without a terminal. */
export function startCli(args: readonly string[], env: Env = {}): RunningCli {
  const { LEASE_BEARER: _, ...around } = readEnv();
  const child = spawn(process.execPath, [cliMain, ...args], {
    env: { ...around, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return {
    stdout: () => linesOf(stdout),
    stderr: () => linesOf(stderr),
    ended,
    kill: (signal) => void child.kill(signal),
    leave: () => child.stdout.destroy(),
  };
}

/** Runs `controller-lease` to its end. */
export function runCli(args: readonly string[], env: Env = {}): Promise<Ended> {
  return startCli(args, env).ended;
}

/** Whole lines. */
export function linesOf(text: string): readonly string[] {
  return text.split("\n").slice(0, -1);
}
