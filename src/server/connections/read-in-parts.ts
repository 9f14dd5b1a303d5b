import type { Socket } from "node:net";

import { bodyAhead, bodyPasses } from "./body-ahead.ts";
import type { ConnectionTurns } from "./connection-turns.ts";

/** About fifty of the smallest requests. */
export const partBytes: number = 4 * 1024;

/**
 * Has what a connection brings parsed in small parts, the rest of it when the connection has its
 * turn, and pauses it after a part when there is enough: it has to be resumed then. Node reads 64 KiB
 * at once, which may be two thousand requests, parses all of it, and takes back the pause of whoever
 * is told of a request.
 */
export function readInParts(
  socket: Socket,
  turns: ConnectionTurns,
  hasEnough: () => boolean,
): void {
  const [parse] = socket.listeners("data") as ((part: Buffer) => void)[];
  if (parse === undefined) throw new Error("a connection has no parser");
  socket.removeListener("data", parse);
  const readOn = (): boolean => {
    socket.resume();
    return !socket.destroyed;
  };
  socket.on("data", (bytes: Buffer) => {
    // A body is one piece for the parser, and each part of it would cost as much as the whole.
    const length = Math.max(partBytes, Math.min(bytes.length, bodyAhead(socket)));
    bodyPasses(socket, length);
    parse.call(socket, bytes.subarray(0, length));
    if (hasEnough()) socket.pause();
    if (bytes.length <= length || socket.destroyed) return;
    if (!socket.isPaused() && !turns.hasRoom(socket)) {
      socket.pause();
      turns.wait(socket, readOn);
    }
    // It comes back at once, or when the connection is read on.
    socket.unshift(bytes.subarray(length));
  });
}
