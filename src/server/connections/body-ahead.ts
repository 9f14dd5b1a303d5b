import type { Socket } from "node:net";

const ahead = new WeakMap<Socket, number>();

/**
 * A request has begun on a connection of HTTP/1.1, whose headers say how long its body is, if they do.
 *
 * @param partBytes what was parsed together at most: some of the body may have been in it
 */
export function bodyBegins(
  socket: Socket,
  contentLength: string | undefined,
  partBytes: number,
): void {
  ahead.set(socket, Math.max(0, (Number(contentLength) || 0) - partBytes));
}

/** How many of the bytes that come next are known to be part of a body. */
export function bodyAhead(socket: Socket): number {
  return ahead.get(socket) ?? 0;
}

/** So many bytes are parsed. */
export function bodyPasses(socket: Socket, bytes: number): void {
  ahead.set(socket, Math.max(0, bodyAhead(socket) - bytes));
}
