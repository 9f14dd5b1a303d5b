import { type App, startApp } from "./app.ts";
import { badUsageExitCode, packageVersion, readCommandLine } from "./command-line.ts";
import { logWhatIsPrinted } from "./observe/log/printed.ts";
import { checkSettings, everyFault } from "./preflight/check-settings.ts";
import { readEnv } from "./settings/read-env.ts";
import { type Settings, toSettings } from "./settings/settings.ts";
import { settingsHelp } from "./settings/settings-help.ts";
import { StartFault } from "./settings/start-fault.ts";

/** What the process ends with; 78 is EX_CONFIG, 70 is EX_SOFTWARE of sysexits.h. */
const exitCodes = { done: 0, cannotStart: 1, bug: 70, badSettings: 78 } as const;

const options = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
  "check-settings": { type: "boolean" },
} as const;

// A reader of the output may leave, and a disk may fill up. Neither is a reason to stop serving.
process.stdout.on("error", () => undefined);
process.exitCode = await run(process.argv.slice(2));
process.exit();

async function run(args: readonly string[]): Promise<number> {
  const line = readCommandLine(args, options, "npm start -- --help");
  if (line.kind === "fault") return complain([line.fault], badUsageExitCode);
  if (line.options.help) return say(settingsHelp());
  if (line.options.version) return say(`${packageVersion()}\n`);

  const env = readEnv();
  const result = toSettings(env);
  if (result.kind === "faults" || line.options["check-settings"]) {
    const checked = await checkSettings(env);
    if (checked.kind === "sound") return say(checked.summary);
    return complain(checked.faults, exitCodes.badSettings);
  }
  try {
    return await serve(result.settings);
  } catch (error) {
    if (!(error instanceof StartFault)) throw error;
    return complain(await everyFault(error, result.settings), exitCodes.cannotStart);
  }
}

/** Serves until somebody asks for a drain. A second signal changes nothing. */
async function serve(settings: Settings): Promise<number> {
  let app: App | undefined;
  for (const signal of endingSignals()) {
    // Before there is an app, nothing is served that could be drained.
    process.on(signal, () => (app === undefined ? process.exit(exitCodes.done) : app.drain()));
  }
  takeOtherSignals(() => app);
  app = await startApp(settings);
  const { addresses, drained, log } = app;
  process.on("uncaughtException", (error) => void die(app, error));
  // Exiting here would end every replica in the same outage.
  process.on("unhandledRejection", (error) => {
    if (app.noteUnhandled(error) === "bug") void die(app, error);
  });
  logWhatIsPrinted(log);
  await app.flushLog();
  say(`${JSON.stringify({ level: "info", msg: "ready", ...addresses })}\n`);
  const exitCode = await drained.then(
    () => exitCodes.done,
    (error: unknown) => confess(log, error),
  );
  await app.flushLog();
  return exitCode;
}

/** Everyday signals that would otherwise end the process or open Node's debugger. */
function takeOtherSignals(app: () => App | undefined): void {
  if (!endingSignals().includes("SIGHUP")) {
    process.on("SIGHUP", () => void app()?.readFilesAnew());
  }
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) {
    process.on(signal, () => app()?.log.info({ signal }, "signal ignored"));
  }
}

/** A person who closes the terminal is done with the service; a daemon is sent SIGHUP for other reasons. */
function endingSignals(): readonly NodeJS.Signals[] {
  const ends: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT", "SIGQUIT"];
  return process.stdout.isTTY || process.stderr.isTTY ? [...ends, "SIGHUP"] : ends;
}

/** Ends the process as soon as its last line is written. */
async function die(app: App, bug: unknown): Promise<never> {
  const exitCode = confess(app.log, bug);
  await app.flushLog();
  return process.exit(exitCode);
}

function confess(log: App["log"], bug: unknown): number {
  log.fatal({ err: bug }, "uncaught exception");
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
