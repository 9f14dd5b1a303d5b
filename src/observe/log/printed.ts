import { Console } from "node:console";
import { Writable } from "node:stream";

import type { Logger } from "./logger.ts";

/**
 * Turns Node's own warnings and what dependencies print into lines of the log. Other output may
 * never be read.
 */
export function logWhatIsPrinted(log: Logger): void {
  process.removeAllListeners("warning");
  process.on("warning", (warning) => log.warn({ err: warning }, "warning of the process"));
  const lines = new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      log.warn({ text: String(text).trimEnd() }, "printed by a dependency");
      done();
    },
  });
  globalThis.console = new Console(lines);
}
