import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";

import type { Budgets } from "../../budget/budgets.ts";

/** Has a server over TLS end connections that do not finish their handshake in time. */
export function handshakeOptions(budgets: Budgets): { readonly handshakeTimeout: number } {
  return { handshakeTimeout: budgets.limit("handshake_ms") };
}

/** Closes connections whose handshake has failed, and counts those that took too long. */
export function endFailedHandshakes(server: EventEmitter, budgets: Budgets): void {
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") budgets.refuse("handshake_ms");
    // Node leaves that to others where anybody listens for errors of clients, as Fastify does.
    socket.destroy();
  });
}
