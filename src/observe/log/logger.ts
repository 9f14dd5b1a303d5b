import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from "pino";
import { prettyFactory } from "pino-pretty";
import { requestAtHand } from "../requests.ts";
import { hideSecrets } from "./hide-secrets.ts";
import { type LogOutput, logOutput } from "./log-output.ts";

export type { Logger } from "pino";

/** Where the log goes: JSON to standard output for machines, readable to standard error for people. */
export type LogTarget =
  | { readonly kind: "json" }
  | { readonly kind: "pretty" }
  | { readonly kind: "stream"; readonly stream: DestinationStream };

export interface LogSink {
  readonly log: Logger;
  /** Resolves when every line so far has been written, or cannot be. */
  flushed(): Promise<void>;
}

/** @param onDropped called after lines were dropped, when they are read again */
export function openLog(
  level: string,
  target: LogTarget,
  onDropped: (lines: number) => void,
): LogSink {
  if (target.kind === "stream") {
    return { log: createLogger(level, target), flushed: async () => undefined };
  }
  const output = logOutput(target.kind === "json" ? 1 : 2);
  const stream = target.kind === "json" ? output : forPeople(output);
  const log = createLogger(level, { kind: "stream", stream });
  output.onDropped = (lines) => {
    onDropped(lines);
    log.warn({ lines }, "log lines were dropped: nobody read the log");
  };
  return { log, flushed: () => output.flushed() };
}

export function createLogger(
  level: string,
  { stream }: Extract<LogTarget, { kind: "stream" }>,
): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (values: Record<string, unknown>) => hideSecrets(values),
    },
    serializers: { err: (error: Error) => hideSecrets(stdSerializers.err(error)) },
    mixin: requestOfLine,
  };
  return pino(options, stream);
}

/** The least level that is logged, which may be changed while the process runs. */
export interface LeastLevel<Level extends string> {
  current(): Level;
  change(to: Level): void;
}

/** A change is a line of its own wherever lines at info are written, before or after. */
export function leastLevelOf<Level extends string>(log: Logger): LeastLevel<Level> {
  return {
    current: () => log.level as Level,
    change(to) {
      const from = log.level;
      const note = (): void => log.info({ from, to }, "log level changed");
      const wasWritten = log.isLevelEnabled("info");
      if (wasWritten) note();
      log.level = to;
      if (!wasWritten) note();
    },
  };
}

/** What a line says of the request that it comes from. The object is made anew: pino adds to it. */
function requestOfLine(): { request?: string } {
  const request = requestAtHand();
  return request === undefined ? {} : { request: request.id };
}

function forPeople(output: LogOutput): DestinationStream {
  const format = prettyFactory({
    ignore: "pid,hostname",
    // Node's own word heeds NO_COLOR, and asks the stream that is written to.
    colorize: process.stderr.isTTY && process.stderr.hasColors(),
  });
  return { write: (line) => output.write(format(line)) };
}
