import { readFileSync } from "node:fs";
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** What a process ends with that was called wrongly: EX_USAGE of sysexits.h. */
export const badUsageExitCode = 64;

export type CommandLine<Options extends ParseArgsOptionsConfig> =
  | {
      readonly kind: "options";
      readonly options: OptionValues<Options>;
      readonly positionals: readonly string[];
    }
  | { readonly kind: "fault"; readonly fault: string };

type OptionValues<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options }>
>["values"];

/**
 * Reads the arguments of a program, or says in one line what is wrong with them. It takes options
 * alone unless it allows others; `help` is the command that explains the options.
 */
export function readCommandLine<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  help: string,
  allowPositionals = false,
): CommandLine<Options> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals });
    return { kind: "options", options: values as OptionValues<Options>, positionals };
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

/** The version of this package. */
export function packageVersion(): string {
  const file = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
