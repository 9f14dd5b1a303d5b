#!/usr/bin/env node
import { readFileSync } from "node:fs";

import { drain } from "./drain.ts";
import { badUsage, exitCodes, Failure } from "./failure.ts";
import { help } from "./help.ts";
import { listSessions } from "./list-sessions.ts";
import { Output } from "./output.ts";
import { renegotiate } from "./renegotiate.ts";
import { revoke } from "./revoke.ts";
import { watchSessions } from "./watch-sessions.ts";

type Command = (args: readonly string[], output: Output) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  sessions: listSessions,
  watch: watchSessions,
  renegotiate,
  revoke,
  drain,
};

const output = new Output(process.stdout, process.stderr);
process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    output.note(`controller-lease: ${error.message}`);
    return error.exitCode;
  }
}

async function dispatch([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined) throw badUsage("the command is missing");
  if ([name, ...args].some((arg) => arg === "--help" || arg === "-h")) return await say(help());
  if (name === "--version") return await say(version());
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw badUsage(`there is no command "${name}"`);
  return await command(args, output);
}

/** Our own text, line by line. */
async function say(text: string): Promise<number> {
  for (const line of text.split("\n")) await output.line(line);
  return exitCodes.done;
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
