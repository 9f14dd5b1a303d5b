import type { Socket } from "node:net";

/** What reads a connection. Over HTTP/2 and amid a handshake, Node has no other way to stop that. */
export interface Reading {
  readonly writeQueueSize: number;
  /** Of a connection over TLS, that of the one underneath. */
  readonly _parent?: Reading | null;
  readStop(): void;
  readStart(): void;
}

/** Undefined once the connection is closed. */
export function readingOf(socket: Socket | undefined): Reading | undefined {
  return (socket as { readonly _handle?: Reading | null } | undefined)?._handle ?? undefined;
}

/**
 * Whether nothing waits for the kernel to take it. What TLS could not write because the peer has gone, it
 * counts for ever: that nothing waits any more shows underneath.
 */
export function hasLeft({ writeQueueSize, _parent }: Reading): boolean {
  return (_parent ?? { writeQueueSize }).writeQueueSize === 0;
}
