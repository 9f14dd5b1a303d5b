import type { TransportState } from "../../client/contract.ts";
import {
  CallbackError,
  TransportWatcher,
  type Watched,
  type WatchStatus,
} from "../../client/index.ts";
import { type Calling, callingOptions, openCalling } from "../calling/calling.ts";
import { badUsage, exitCodes, type Failure, FileFailure, failureOf } from "../failure.ts";
import { readArguments } from "../terminal/arguments.ts";
import { NewestLines } from "../terminal/newest-lines.ts";
import { Columns, type Output } from "../terminal/output.ts";
import { momentOf, stateCells, stateHeads, stateJson } from "../terminal/transport-words.ts";

const options = {
  ...callingOptions,
  beach: { type: "string" },
  session: { type: "string", multiple: true },
} as const;

/** `watch`: a line for each change, until it is interrupted. */
export async function watchSessions(args: readonly string[], output: Output): Promise<number> {
  const { options: given, positionals } = readArguments(args, options);
  const watched = watchedOf([...positionals, ...(given.session ?? [])], given.beach);
  using calling = openCalling(given);
  const lines = new NewestLines(output);
  const print = given.json ? printerOfJson(lines) : printerOfTable(lines, output);
  const failure = await follow({ calling, watched, print, output });
  await lines.written();
  if (failure !== undefined) throw failure;
  return exitCodes.done;
}

function watchedOf(sessionIds: readonly string[], beach: string | undefined): Watched {
  if (sessionIds.length > 0 && beach !== undefined) {
    throw badUsage("sessions or --beach, and not both");
  }
  if (beach !== undefined) return { privateBeachId: beach };
  if (sessionIds.length === 0) throw badUsage("name the sessions, or a beach by --beach");
  return { sessionIds };
}

interface Printer {
  state(state: TransportState): void;
  gone(session: string, reason: string): void;
  status(status: WatchStatus): void;
}

interface Following {
  readonly calling: Calling;
  readonly watched: Watched;
  readonly print: Printer;
  readonly output: Output;
}

/** Resolves when it is interrupted, or with what it cannot go on after. */
async function follow({
  calling,
  watched,
  print,
  output,
}: Following): Promise<Failure | undefined> {
  const { transport, place } = calling;
  return await new Promise((resolve) => {
    let isFirst = true;
    const end = (failure?: Failure): void => {
      for (const signal of endings) process.off(signal, interrupt);
      void watcher.stop().then(() => resolve(failure));
    };
    const interrupt = (): void => end();
    const watcher = new TransportWatcher({
      transport,
      watched,
      firstWordMs: place.timeoutMs,
      onState: (state) => print.state(state),
      onGone: (session, reason) => print.gone(session, reason),
      onStatus: (status) => {
        if (status === "synced") isFirst = false;
        if (status !== "stopped") print.status(status);
      },
      onTrouble: (error) => {
        if (error instanceof CallbackError) throw error;
        const failure = failureOf(error, place);
        if (isFirst || isFinal(failure)) end(failure);
        else output.note(`${failure.message}; connecting again`);
      },
    });
    for (const signal of endings) process.on(signal, interrupt);
    output.left.addEventListener("abort", interrupt, { once: true });
    watcher.start();
  });
}

const endings = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** No later try would do better. A file may be put back. */
function isFinal(failure: Failure): boolean {
  const { exitCode } = failure;
  if (failure instanceof FileFailure) return false;
  return exitCode === exitCodes.notAllowed || exitCode === exitCodes.badUsage;
}

function printerOfJson(lines: NewestLines): Printer {
  const put = (key: string, value: object): void => lines.put(key, JSON.stringify(value));
  return {
    state: (state) => put(state.sessionId, { event: "state", ...stateJson(state) }),
    gone: (session, reason) => put(session, { event: "gone", session, reason }),
    status: (status) => put("", { event: "status", status }),
  };
}

const heads = ["CHANGED", ...stateHeads];

/** The first column is the moment of the change, by the clock of the service. */
function printerOfTable(lines: NewestLines, output: Output): Printer {
  const columns = new Columns(["2026-01-01T00:00:00Z".length]);
  columns.fit(heads);
  let isHeaded = false;
  const put = (key: string, cells: readonly string[]): void => {
    columns.fit(cells);
    if (!isHeaded) lines.put("", columns.format(heads));
    isHeaded = true;
    lines.put(key, columns.format(cells));
  };
  return {
    state: (state) => {
      const changedAt = momentOf(state.lastChangeAt)?.replace(/\.\d+Z$/, "Z") ?? "-";
      put(state.sessionId, [changedAt, ...stateCells(state)]);
    },
    gone: (session, reason) => put(session, ["-", session, "gone", "-", reason]),
    status: (status) => {
      if (status === "synced") output.note("connected: all there was has been shown");
    },
  };
}
