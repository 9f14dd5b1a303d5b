import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import type { AttackContext } from "../attack.ts";
import { holdOn } from "./at-once.ts";
import { ownAddress } from "./own-address.ts";
import { placeOf } from "./place.ts";

/** A connection on which any bytes may be sent; nothing that goes wrong on it is thrown. */
export class RawSocket implements Disposable {
  readonly socket: Socket;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  /** The same, or when the attack is over. */
  readonly #over: Promise<void>;
  #received = "";

  private constructor(socket: Socket, closed: Promise<void>, over: Promise<void>) {
    this.socket = socket;
    this.closed = closed;
    this.#over = Promise.race([closed, over]);
  }

  /**
   * Resolves when it is connected, or has failed to.
   *
   * @param address with `https://` in front, for HTTP/2 over TLS; else in clear
   */
  static async open(
    address: string,
    { outcomes, signal }: Pick<AttackContext, "outcomes" | "signal">,
  ): Promise<RawSocket> {
    const { isSecure, ...place } = placeOf(address);
    const options = { ...place, localAddress: ownAddress };
    const socket = isSecure
      ? connectTls({ ...options, ALPNProtocols: ["h2"], rejectUnauthorized: false })
      : connect(options);
    socket.on("error", (error: NodeJS.ErrnoException) => outcomes.see(error.code ?? error.message));
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const opened = isSecure ? "secureConnect" : "connect";
    await Promise.race([new Promise((resolve) => socket.once(opened, resolve)), closed]);
    return new RawSocket(socket, closed, holdOn(signal));
  }

  get isOpen(): boolean {
    return this.socket.writable && !this.socket.destroyed;
  }

  /** Resolves when the kernel has taken it, or never will, or when the attack is over. */
  async send(bytes: Uint8Array | string): Promise<void> {
    if (!this.isOpen) return;
    if (this.socket.write(bytes)) return;
    await Promise.race([new Promise((resolve) => this.socket.once("drain", resolve)), this.#over]);
  }

  /** Gives each answer of HTTP/1.1 that begins to the listener, by its status line. */
  onStatus(listener: (status: number) => void): void {
    this.socket.on("data", (chunk: Buffer) => {
      const text = this.#received + chunk.toString("latin1");
      for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3})/g)) listener(Number(status));
      // A status line may come in two parts.
      this.#received = text.slice(-11);
    });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
