import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Which way nothing goes any more. */
export type Frozen = "questions" | "answers" | "both";

/** A port of loopback that leads to another one, over a wire that can be troubled. */
export class LinkProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #wires = new Set<Wire>();
  #port = 0;
  #isCut = false;
  #frozen: Frozen | undefined;

  private constructor(target: number) {
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      if (this.#isCut) {
        near.resetAndDestroy();
        return;
      }
      const wire = new Wire(near, target, () => this.#wires.delete(wire));
      this.#wires.add(wire);
      if (this.#frozen !== undefined) wire.freeze(this.#frozen);
    });
  }

  static async to(target: number): Promise<LinkProxy> {
    const proxy = new LinkProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Every connection breaks, and none is made, until it heals. */
  cut(): void {
    this.#isCut = true;
    for (const wire of this.#wires) wire.cut();
  }

  /** Nothing is read any more, neither from connections there are nor from new ones. */
  freeze(which: Frozen): void {
    this.#frozen = which;
    for (const wire of this.#wires) wire.freeze(which);
  }

  /** Goes on from where it stood; what was kept back is carried late. */
  heal(): void {
    this.#isCut = false;
    this.#frozen = undefined;
    for (const wire of this.#wires) wire.thaw();
  }

  /**
   * The connections that there are carry nothing any more, for ever, and nobody is told: as when
   * something between the two has forgotten them. New ones are as good as ever.
   *
   * @param draw which of them; all unless told otherwise
   */
  forgetFlows(draw: () => boolean = () => true): void {
    for (const wire of this.#wires) if (draw()) wire.forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }
}

/** One connection, and the one that it is carried on over. */
class Wire {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #held = new Set<Socket>();
  #isForgotten = false;

  constructor(near: Socket, target: number, onClose: () => void) {
    this.#near = near;
    this.#far = connect({ host: "127.0.0.1", port: target, allowHalfOpen: true });
    this.#carry(this.#near, this.#far);
    this.#carry(this.#far, this.#near);
    near.on("close", () => {
      this.#far.destroy();
      onClose();
    });
    this.#far.on("close", () => near.destroy());
  }

  freeze(which: Frozen): void {
    if (which !== "answers") this.#hold(this.#near);
    if (which !== "questions") this.#hold(this.#far);
  }

  thaw(): void {
    if (this.#isForgotten) return;
    const held = [...this.#held];
    this.#held.clear();
    for (const socket of held) socket.resume();
  }

  forget(): void {
    this.#isForgotten = true;
    this.freeze("both");
  }

  cut(): void {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }

  #hold(socket: Socket): void {
    this.#held.add(socket);
    socket.pause();
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
