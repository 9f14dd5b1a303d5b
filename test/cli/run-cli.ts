import { spawn } from "node:child_process";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { run } from "../../src/cli/run.ts";
import { Output } from "../../src/cli/terminal/output.ts";
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

/** Starts the command as a process, without a terminal. */
export function startCli(args: readonly string[], env: Env = {}): RunningCli {
  const { LEASE_BEARER: _, ...around } = readEnv();
  const child = spawn(process.execPath, [cliMain, ...args], {
    env: { ...around, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
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

/** Runs the command within this process, to its end. */
export async function runCli(args: readonly string[]): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = [text(stdout), text(stderr)] as const;
  const code = await run(args, new Output(stdout, stderr));
  stdout.end();
  stderr.end();
  return { code, stdout: await texts[0], stderr: await texts[1] };
}

/** Whole lines. */
export function linesOf(written: string): readonly string[] {
  return written.split("\n").slice(0, -1);
}
