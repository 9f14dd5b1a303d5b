import { constants, openSync } from "node:fs";

import { type DestinationStream, pino } from "pino";

/** How much the waiting lines may take before further ones are dropped. */
const waitingBytesMax = 1024 * 1024;

export interface LogOutput extends DestinationStream {
  /** Calls back when lines are taken again, with how many were dropped meanwhile. */
  onDropped: (lines: number) => void;
  /** Resolves when everything has been written, or cannot be. */
  flushed(): Promise<void>;
}

/**
 * Writes lines to a descriptor without ever waiting for its reader. While the reader stops or a
 * disk is full, lines wait up to a limit and are then dropped.
 */
export function logOutput(descriptor: number): LogOutput {
  // Before pino's own listener, which would try for ever to write what cannot be written.
  process.once("exit", () => stream.destroy());
  const stream = pino.destination({
    dest: unwaiting(descriptor),
    sync: false,
    // Nothing waits to be longer; only so is there something to flush.
    minLength: 1,
    maxLength: waitingBytesMax,
  });
  const output: LogOutput = {
    write: (line) => void stream.write(line),
    onDropped: () => undefined,
    flushed: () => new Promise((resolve) => stream.flush(() => resolve())),
  };
  let dropped = 0;
  stream.on("error", () => undefined);
  stream.on("drop", () => {
    dropped += 1;
  });
  stream.on("drain", () => {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    output.onDropped(lines);
  });
  return output;
}

/**
 * A descriptor on which a write fails where it would wait. A terminal is opened anew for that: it
 * may be paused, and what is set for it is set for everything else that uses it.
 */
function unwaiting(descriptor: number): number {
  const stream = descriptor === process.stdout.fd ? process.stdout : process.stderr;
  // Looking at a pipe or a socket through Node is enough: it waits for none.
  if (!stream.isTTY) return descriptor;
  try {
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/dev/fd/${descriptor}`, flags);
  } catch {
    return descriptor;
  }
}
