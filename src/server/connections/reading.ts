import type { Socket } from "node:net";

/** What reads a connection. Over HTTP/2 and amid a handshake, Node has no other way to stop that. */
export interface Reading {
  readonly writeQueueSize: number;
  readStop(): void;
  readStart(): void;
}

/** Undefined once the connection is closed. */
export function readingOf(socket: Socket | undefined): Reading | undefined {
  return (socket as { readonly _handle?: Reading | null } | undefined)?._handle ?? undefined;
}
