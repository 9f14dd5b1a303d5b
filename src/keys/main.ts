import { badUsageExitCode, readCommandLine } from "../command-line.ts";
import { type KeysOptions, writeKeys } from "./write-keys.ts";

const help = `Creates what it takes to try LEASE_AUTH=jwt on this machine: a key pair, a token for each kind of
caller, and the settings of the service. Keys that are already in DIR stay in use.

  npm run keys -- --out DIR [options]

  --out DIR         where to write jwks.json, env, key.json (secret), and KIND.jwt for a person, a viewer,
                    a host and a manager
  --beach ID        the private beach of person and viewer (default: beach-1)
  --session ID      the session of the host (default: session-1)
  --account ID      the account of person and viewer (default: account-1)
  --scopes "A B"    what the person may do (default: pb:sessions.read pb:control.read pb:control.write)
  --life DURATION   how long the tokens are valid, as 300s, 30m or 8h (default: 8h)
  -h, --help        print this text

Then start the service with those settings, and call it:

  set -a; . DIR/env; set +a; npm start
  curl localhost:8090/… -H "authorization: Bearer $(cat DIR/person.jwt)"
`;

const options = {
  out: { type: "string" },
  beach: { type: "string", default: "beach-1" },
  session: { type: "string", default: "session-1" },
  account: { type: "string", default: "account-1" },
  scopes: { type: "string", default: "pb:sessions.read pb:control.read pb:control.write" },
  life: { type: "string", default: "8h" },
  help: { type: "boolean", short: "h" },
} as const;

const hint = "npm run keys -- --help lists the options";
const secondsIn = { s: 1, m: 60, h: 3600 } as const;

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  const line = readCommandLine(args, options, "npm run keys -- --help");
  if (line.kind === "fault") return complain(line.fault);
  const { help: isHelpAsked, out, life, ...given } = line.options;
  if (isHelpAsked) return say(help);
  const lifeSeconds = secondsOf(life);
  if (lifeSeconds === undefined) {
    return complain(
      `--life is "${life}": it must be a duration above 0, as 300s, 30m or 8h: ${hint}`,
    );
  }
  if (out === undefined || out === "") return complain(`--out is missing: ${hint}`);
  const keys: KeysOptions = { ...given, folder: out, lifeSeconds };
  try {
    for (const line of await writeKeys(keys)) say(`${line}\n`);
  } catch (error) {
    return complain(error instanceof Error ? error.message : String(error), 1);
  }
  return say(`\nset -a; . ${out}/env; set +a; npm start\n`);
}

function secondsOf(duration: string): number | undefined {
  const { count = "0", unit = "s" } =
    /^(?<count>\d{1,6})(?<unit>[smh])$/.exec(duration)?.groups ?? {};
  const seconds = Number(count) * secondsIn[unit as keyof typeof secondsIn];
  return seconds > 0 ? seconds : undefined;
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(fault: string, exitCode = badUsageExitCode): number {
  process.stderr.write(`keys: ${fault}\n`);
  return exitCode;
}
