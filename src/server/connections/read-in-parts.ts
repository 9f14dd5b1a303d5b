import type { Socket } from "node:net";

/** About fifty of the smallest requests. */
const partBytes = 4 * 1024;

/**
 * Has what a connection brings parsed in small parts, and pauses it after one when there is enough:
 * it has to be resumed then. Node reads 64 KiB at once, which may be two thousand requests, parses all
 * of it, and takes back the pause of whoever is told of a request.
 */
export function readInParts(socket: Socket, hasEnough: () => boolean): void {
  const [parse] = socket.listeners("data") as ((part: Buffer) => void)[];
  if (parse === undefined) throw new Error("a connection has no parser");
  socket.removeListener("data", parse);
  socket.on("data", (bytes: Buffer) => {
    parse.call(socket, bytes.subarray(0, partBytes));
    if (hasEnough()) socket.pause();
    // It comes back at once, or when the connection is read on.
    if (bytes.length > partBytes && !socket.destroyed) socket.unshift(bytes.subarray(partBytes));
  });
}
