import { readFileSync } from "node:fs";

import { type App, startApp } from "./app.ts";
import { readEnv } from "./settings/read-env.ts";
import { toSettings } from "./settings/settings.ts";
import { settingsHelp } from "./settings/settings-help.ts";
import { StartFault } from "./settings/start-fault.ts";

/** What the process ends with; 78 is EX_CONFIG, 70 is EX_SOFTWARE of sysexits.h. */
const exitCodes = { done: 0, cannotStart: 1, bug: 70, badSettings: 78 } as const;

process.exitCode = await run(process.argv.slice(2));
process.exit();

async function run(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) return say(settingsHelp());
  if (args.includes("--version")) return say(`${version()}\n`);

  const result = toSettings(readEnv());
  if (result.kind === "faults") return complain(result.faults, exitCodes.badSettings);
  try {
    return await serve(await startApp(result.settings));
  } catch (error) {
    if (error instanceof StartFault) return complain(error.faults, exitCodes.cannotStart);
    throw error;
  }
}

/** Serves until somebody asks for a drain. A second signal changes nothing. */
async function serve(app: App): Promise<number> {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => void app.drain());
  }
  process.on("uncaughtException", (error) => process.exit(confess(app, error)));
  say(`${JSON.stringify({ level: "info", msg: "ready", ...app.addresses })}\n`);
  return app.drained.then(
    () => exitCodes.done,
    (error: unknown) => confess(app, error),
  );
}

function confess(app: App, bug: unknown): number {
  app.log.fatal({ err: bug }, "bug");
  return exitCodes.bug;
}

function say(text: string): number {
  process.stdout.write(text);
  return exitCodes.done;
}

function complain(faults: readonly string[], exitCode: number): number {
  for (const fault of faults) process.stderr.write(`controller-lease: ${fault}\n`);
  return exitCode;
}

function version(): string {
  const file = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
