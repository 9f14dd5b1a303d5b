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
      return pino.destination({ dest: 1, sync: true });
    case "pretty":
      return pretty({ destination: 2, sync: true, ignore: "pid,hostname" });
    case "stream":
      return target.stream;
  }
}
