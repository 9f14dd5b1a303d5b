import { createServer, type Server } from "node:net";

import { listenOnLoopback, type Side, Wire } from "../../support/network/wire.ts";

/** The direction in which nothing is carried any more. */
export type Frozen = "questions" | "answers" | "both";

const sides: Readonly<Record<Frozen, Side | "both">> = {
  questions: "near",
  answers: "far",
  both: "both",
};

/** A port of loopback that leads to another one, over wires that can be broken. */
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
      if (this.#frozen !== undefined) wire.hold(sides[this.#frozen]);
    });
  }

  static async to(target: number): Promise<LinkProxy> {
    const proxy = new LinkProxy(target);
    proxy.#port = await listenOnLoopback(proxy.#server);
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Every connection breaks, and none is made until it heals. */
  cut(): void {
    this.#isCut = true;
    for (const wire of this.#wires) wire.cut();
  }

  /** Nothing is read any more, neither from open connections nor from new ones. */
  freeze(which: Frozen): void {
    this.#frozen = which;
    for (const wire of this.#wires) wire.hold(sides[which]);
  }

  /** Continues where it stopped; what was held is carried late. */
  heal(): void {
    this.#isCut = false;
    this.#frozen = undefined;
    for (const wire of this.#wires) wire.letGo();
  }

  /**
   * Open connections carry nothing any more, forever and without notice, as if something between
   * the two sides had forgotten them. New ones work.
   *
   * @param draw which of them; by default all
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
