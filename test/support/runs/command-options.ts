import { badUsageExitCode, readCommandLine } from "../../../src/command-line.ts";

/** An option of a command for developers. */
export interface CommandOption<Value> {
  readonly type: "string" | "boolean";
  /** What it is when nobody gives it. */
  readonly fallback: Value;
  /** Undefined when what was given is none of its values. */
  readonly read: (given: unknown) => Value | undefined;
  /** What each of its values is. */
  readonly mustBe: string;
}

type CommandOptions = Readonly<Record<string, CommandOption<unknown>>>;

type Values<Options extends CommandOptions> = {
  readonly [Name in keyof Options]: Options[Name]["fallback"];
};

export const flag: CommandOption<boolean> = {
  type: "boolean",
  fallback: false,
  read: (given) => given === true,
  mustBe: "given or not",
};

export function text(fallback: string): CommandOption<string> {
  return { type: "string", fallback, read: String, mustBe: "a text" };
}

export function oneOf<Name extends string>(
  names: readonly Name[],
): CommandOption<Name | undefined> {
  return {
    type: "string",
    fallback: undefined,
    read: (given) => names.find((name) => name === given),
    mustBe: "one of those that the help lists",
  };
}

/** One or more of them, with commas between. */
export function someOf<Name extends string>(
  names: readonly Name[],
): CommandOption<readonly Name[] | undefined> {
  return {
    type: "string",
    fallback: undefined,
    read(given) {
      const chosen = String(given).split(",");
      const known = names.filter((name) => chosen.includes(name));
      return known.length === chosen.length ? known : undefined;
    },
    mustBe: "some of those that the help lists, with commas between",
  };
}

/** The same, and undefined when nobody gives it. */
export function optional<Value>(option: CommandOption<Value>): CommandOption<Value | undefined> {
  return { ...option, fallback: undefined };
}

export function numberAbove0(fallback: number): CommandOption<number> {
  return numeric(fallback, "a number above 0", (number) => number > 0);
}

export function numberFrom0(fallback: number): CommandOption<number> {
  return numeric(fallback, "a number from 0 on", (number) => number >= 0);
}

export function wholeNumberFrom(least: number, fallback: number): CommandOption<number> {
  return numeric(
    fallback,
    `a whole number from ${least} on`,
    (number) => Number.isSafeInteger(number) && number >= least,
  );
}

function numeric(
  fallback: number,
  mustBe: string,
  isOne: (number: number) => boolean,
): CommandOption<number> {
  const read = (given: unknown): number | undefined => {
    // Number() takes nothing at all for 0.
    const number = String(given).trim() === "" ? Number.NaN : Number(given);
    return Number.isFinite(number) && isOne(number) ? number : undefined;
  };
  return { type: "string", fallback, read, mustBe };
}

/**
 * The options of `npm run <name>`. Ends the process with the help when `--help` is given, and with one
 * line when the command line is wrong.
 */
export function readCommandOptions<const Options extends CommandOptions>(
  name: string,
  help: string,
  options: Options,
): Values<Options> {
  const howToHelp = `npm run ${name} -- --help`;
  const types = Object.entries(options).map(([option, { type }]) => [option, { type }] as const);
  const all = { ...Object.fromEntries(types), help: { type: "boolean", short: "h" } } as const;
  const line = readCommandLine(process.argv.slice(2), all, howToHelp);
  if (line.kind === "fault") return refuse(name, line.fault);
  const given: Readonly<Record<string, unknown>> = line.options;
  if (given.help === true) return explain(help);
  const values = Object.entries(options).map(([option, { fallback, read, mustBe }]) => {
    const what = given[option];
    if (what === undefined) return [option, fallback];
    const value = read(what);
    if (value !== undefined) return [option, value];
    return refuse(
      name,
      `--${option} is "${what}": it must be ${mustBe}: ${howToHelp} lists the options`,
    );
  });
  return Object.fromEntries(values) as Values<Options>;
}

function explain(help: string): never {
  process.stdout.write(`${help.trim()}\n`);
  return process.exit(0);
}

function refuse(name: string, fault: string): never {
  process.stderr.write(`${name}: ${fault}\n`);
  return process.exit(badUsageExitCode);
}
