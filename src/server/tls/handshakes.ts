import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";

import type { Budgets } from "../../budget/budgets.ts";
import type { ConnectionTurns } from "../connections/connection-turns.ts";
import { networkOf } from "../connections/network.ts";
import type { Reader } from "../connections/readers.ts";
import { readingOf } from "../connections/reading.ts";

/** What a server over TLS bounds handshakes by. */
interface HandshakeOptions {
  readonly handshakeTimeout: number;
  readonly ALPNCallback: (
    this: unknown,
    offered: { readonly protocols: readonly string[] },
  ) => string | undefined;
}

export interface Handshakes {
  readonly budgets: Budgets;
  readonly turns: ConnectionTurns;
  /** What the server speaks, what it likes best first. */
  readonly protocols: readonly string[];
}

/**
 * Has a server over TLS end connections that do not finish their handshake in time. What ends a
 * handshake has a turn of its own: up to 64 KiB of calls are in the same read, and many connections may
 * be made at once.
 */
export function handshakeOptions({ budgets, turns, protocols }: Handshakes): HandshakeOptions {
  return {
    handshakeTimeout: budgets.limit("handshake_ms"),
    // Node calls it amid the handshake, on the socket.
    ALPNCallback(offered) {
      new HandshakeReader(this as TLSSocket, turns).hold();
      return protocols.find((protocol) => offered.protocols.includes(protocol));
    },
  };
}

/** Reads a connection while its handshake is under way. */
class HandshakeReader implements Reader {
  readonly #socket: TLSSocket;
  readonly #turns: ConnectionTurns;
  readonly network: string;
  letReadIn: number | undefined;
  #isHeld = false;

  constructor(socket: TLSSocket, turns: ConnectionTurns) {
    this.#socket = socket;
    this.#turns = turns;
    this.network = networkOf(socket.remoteAddress ?? "unknown");
    turns.addNew(this);
    const forget = (): void => turns.forget(this);
    socket.once("secure", forget);
    socket.once("close", forget);
  }

  hold(): void {
    readingOf(this.#socket)?.readStop();
    if (this.#isHeld) return;
    this.#isHeld = true;
    void this.#turns.nextToConnect(this.#socket).then(() => {
      this.#isHeld = false;
      this.letReadIn = this.#turns.turn;
      readingOf(this.#socket)?.readStart();
    });
  }
}

/** Closes connections whose handshake has failed, and counts those that took too long. */
export function endFailedHandshakes(server: EventEmitter, budgets: Budgets): void {
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") budgets.refuse("handshake_ms");
    // Node leaves that to others where anybody listens for errors of clients, as Fastify does.
    socket.destroy();
  });
}
