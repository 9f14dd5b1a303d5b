import type { ParseArgsOptionsConfig } from "node:util";

import { type CommandLine, readCommandLine } from "../../command-line.ts";
import { badUsage, exitCodes, Failure } from "../failure.ts";

type Given<Options extends ParseArgsOptionsConfig> = Extract<
  CommandLine<Options>,
  { readonly kind: "options" }
>;

/** The arguments behind the name of a command. Throws the Failure that says what is wrong. */
export function readArguments<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): Given<Options> {
  const line = readCommandLine(args, options, "controller-lease --help", true);
  if (line.kind === "fault") throw new Failure(line.fault, { exitCode: exitCodes.badUsage });
  return line;
}

/** The one session that a command is about: its only argument, or `--session`. */
export function oneSession(
  positionals: readonly string[],
  options: { readonly session?: string | undefined },
): string {
  const given = [...positionals, ...(options.session === undefined ? [] : [options.session])];
  const [session, ...others] = given;
  if (session === undefined || session === "") throw badUsage("the session is missing");
  if (others.length > 0) throw badUsage(`one session at a time: "${others[0]}" is too many`);
  return session;
}

export function noPositionals(positionals: readonly string[]): void {
  if (positionals.length > 0) throw badUsage(`Unexpected argument '${positionals[0]}'`);
}
