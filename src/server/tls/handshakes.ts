import type { EventEmitter } from "node:events";

import type { Budgets } from "../../budget/budgets.ts";

/** Has a server over TLS end connections that do not finish their handshake in time. */
export function handshakeOptions(budgets: Budgets): { readonly handshakeTimeout: number } {
  return { handshakeTimeout: budgets.limit("handshake_ms") };
}

/** Counts those that were ended for it. */
export function countSlowHandshakes(server: EventEmitter, budgets: Budgets): void {
  server.on("tlsClientError", (error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") budgets.refuse("handshake_ms");
  });
}
