import { createServer } from "node:net";

import { listenOnLoopback, type Side, Wire } from "./wire.ts";

/** An address on loopback that leads to another one. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Where connections made from now on lead; open ones stay where they are. */
  pointTo(port: number): void;
  /** Breaks every connection. */
  cut(): void;
  /**
   * Holds what comes over open connections, from one side or both, without notice; connections made
   * later are carried.
   */
  hold(from: Side | "both"): void;
  /** Carries on what was held. */
  letGo(): void;
}

/** Listens on a free port, and carries connections to `target`. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const wires = new Set<Wire>();
  let leadsTo = target;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const wire = new Wire(near, leadsTo, () => wires.delete(wire));
    wires.add(wire);
  });
  const port = await listenOnLoopback(server);
  const cut = (): void => {
    for (const wire of wires) wire.cut();
  };
  return {
    port,
    pointTo: (next) => {
      leadsTo = next;
    },
    cut,
    hold: (from) => {
      for (const wire of wires) wire.hold(from);
    },
    letGo: () => {
      for (const wire of wires) wire.letGo();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
