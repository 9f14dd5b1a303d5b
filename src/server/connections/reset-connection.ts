import type { Socket } from "node:net";

/**
 * Resets a connection of HTTP/1.1: a plain close would let the kernel keep what was not read. Node
 * resets plain sockets alone; of one with TLS it is the socket underneath.
 */
export function resetConnection(socket: Socket): void {
  const { _parent: underneath } = socket as { readonly _parent?: Socket | null };
  (underneath ?? socket).resetAndDestroy();
}
