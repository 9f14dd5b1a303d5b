import { type AddressInfo, connect, type Server, type Socket } from "node:net";

/** Near is who connects, far is what the address leads to. */
export type Side = "near" | "far";

/** A connection through a proxy: what comes from one side is written to the other. */
export class Wire {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #held = new Set<Socket>();
  #isForgotten = false;

  constructor(near: Socket, port: number, onClose: () => void) {
    this.#near = near;
    this.#far = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    this.#carry(this.#near, this.#far);
    this.#carry(this.#far, this.#near);
    near.once("close", () => {
      this.#far.destroy();
      onClose();
    });
    this.#far.once("close", () => near.destroy());
  }

  /** Breaks the connection on both sides. */
  cut(): void {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }

  /** Reads nothing more from one side, or from both. */
  hold(from: Side | "both"): void {
    if (from !== "near") this.#held.add(this.#far);
    if (from !== "far") this.#held.add(this.#near);
    for (const socket of this.#held) socket.pause();
  }

  /** Carries on what was held, unless the wire is forgotten. */
  letGo(): void {
    if (this.#isForgotten) return;
    const held = [...this.#held];
    this.#held.clear();
    for (const socket of held) socket.resume();
  }

  /** Holds both sides forever. */
  forget(): void {
    this.#isForgotten = true;
    this.hold("both");
  }

  #carry(from: Socket, to: Socket): void {
    from.on("data", (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once("drain", () => {
        if (!this.#held.has(from)) from.resume();
      });
    });
    from.on("end", () => to.end());
    from.on("error", () => this.cut());
  }
}

/** Listens on a free port of loopback, and resolves with it. */
export async function listenOnLoopback(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}
