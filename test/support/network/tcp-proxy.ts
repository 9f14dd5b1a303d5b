import { connect, createServer, type Server, type Socket } from "node:net";

/** An address on loopback that leads to another one, as long as it is let. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Where connections made from now on lead; those that there are stay where they are. */
  pointTo(port: number): void;
  /** Breaks every connection. */
  cut(): void;
  /**
   * Keeps back what comes over the connections there are, from one side or both, and tells nobody
   * that it does; connections made later are carried.
   */
  hold(from: Side | "both"): void;
  /** Carries on what was kept back. */
  letGo(): void;
}

/** Near is who connects, far is what the address leads to. */
type Side = "near" | "far";

/** Listens on a free port, and carries what it is told to `target`. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let leadsTo = target;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const pair = new Pair(near, leadsTo, () => pairs.delete(pair));
    pairs.add(pair);
  });
  const port = await listen(server);
  const cut = (): void => {
    for (const pair of pairs) pair.cut();
  };
  return {
    port,
    pointTo: (next) => {
      leadsTo = next;
    },
    cut,
    hold: (from) => {
      for (const pair of pairs) pair.hold(from);
    },
    letGo: () => {
      for (const pair of pairs) pair.letGo();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

/** A connection from the near end, and the one to the far end that it is carried on. */
class Pair {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #held = new Set<Socket>();

  constructor(near: Socket, port: number, onClose: () => void) {
    this.#near = near;
    this.#far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.#carry(this.#near, this.#far);
    this.#carry(this.#far, this.#near);
    near.once("close", onClose);
  }

  cut(): void {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }

  hold(from: Side | "both"): void {
    if (from !== "near") this.#held.add(this.#far);
    if (from !== "far") this.#held.add(this.#near);
    for (const socket of this.#held) socket.pause();
  }

  letGo(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const socket of held) socket.resume();
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
    from.on("error", () => to.resetAndDestroy());
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      resolve(port);
    });
  });
}
