import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import { build as pretty } from "pino-pretty";

export type { Logger } from "pino";

/** Where the log goes: JSON to standard output for machines, readable to standard error for people. */
export type LogTarget =
  | { readonly kind: "json" }
  | { readonly kind: "pretty" }
  | { readonly kind: "stream"; readonly stream: DestinationStream };

/** A bearer, a controller token or a passcode shows in no line, wherever it was logged. */
const secrets = [
  "authorization",
  "token",
  "controller_token",
  "controllerToken",
  "passcode",
  "attach_code",
  "tokenHash",
  "tokenHashes",
];

const unwrittenBytesMax = 1024 * 1024;

export function createLogger(level: string, target: LogTarget): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
  };
  return pino(options, destination(target));
}

function destination(target: LogTarget): DestinationStream {
  switch (target.kind) {
    case "json":
      return standardOutput();
    case "pretty":
      return pretty({
        destination: 2,
        sync: true,
        ignore: "pid,hostname",
        // Node's own word heeds NO_COLOR, and asks the stream that is written to.
        colorize: process.stderr.isTTY && process.stderr.hasColors(),
      });
    case "stream":
      return target.stream;
  }
}

/** Lines that cannot be written, as on a full disk, wait up to a limit and take nothing with them. */
function standardOutput(): DestinationStream {
  const stream = pino.destination({ dest: 1, sync: true, maxLength: unwrittenBytesMax });
  stream.on("error", () => undefined);
  return stream;
}
