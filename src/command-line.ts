import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** What a process ends with that was called wrongly: EX_USAGE of sysexits.h. */
export const badUsageExitCode = 64;

export type CommandLine<Options extends ParseArgsOptionsConfig> =
  | { readonly kind: "options"; readonly options: OptionValues<Options> }
  | { readonly kind: "fault"; readonly fault: string };

type OptionValues<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options }>
>["values"];

/**
 * Reads the arguments of a program that takes options alone, or says in one line what is wrong with
 * them; `help` is the command that explains the options.
 */
export function readCommandLine<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  help: string,
): CommandLine<Options> {
  try {
    return { kind: "options", options: parseArgs({ args: [...args], options }).values };
  } catch (error) {
    if (!isAboutArguments(error)) throw error;
    // Node adds several lines about how arguments are written in general.
    const [what] = error.message.split(/\.\s/);
    return { kind: "fault", fault: `${what}: ${help} lists the options` };
  }
}

function isAboutArguments(error: unknown): error is Error {
  return (
    error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_")
  );
}
