import { packageVersion } from "../command-line.ts";
import { drain } from "./commands/drain.ts";
import { listSessions } from "./commands/list-sessions.ts";
import { renegotiate } from "./commands/renegotiate.ts";
import { revoke } from "./commands/revoke.ts";
import { watchSessions } from "./commands/watch-sessions.ts";
import { badUsage, exitCodes, Failure } from "./failure.ts";
import { help } from "./help.ts";
import type { Output } from "./terminal/output.ts";

type Command = (args: readonly string[], output: Output) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  sessions: listSessions,
  watch: watchSessions,
  renegotiate,
  revoke,
  drain,
};

/** Runs the command that the arguments name; resolves with the exit code. */
export async function run(args: readonly string[], output: Output): Promise<number> {
  try {
    return await dispatch(args, output);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    output.note(`controller-lease: ${error.message}`);
    return error.exitCode;
  }
}

async function dispatch([name, ...args]: readonly string[], output: Output): Promise<number> {
  if (name === undefined) throw badUsage("the command is missing");
  if ([name, ...args].some(asksForHelp)) return await say(help(), output);
  if (name === "--version") return await say(packageVersion(), output);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw badUsage(`there is no command "${name}"`);
  return await command(args, output);
}

/** Also in one word with `-y`, as `-yh`. */
function asksForHelp(arg: string): boolean {
  return arg === "--help" || /^-y*h/.test(arg);
}

/** Our own text, line by line. */
async function say(text: string, output: Output): Promise<number> {
  for (const line of text.split("\n")) await output.line(line);
  return exitCodes.done;
}
