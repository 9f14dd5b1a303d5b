import type { AddressInfo } from "node:net";

import type { FastifyInstance } from "fastify";

import type { ListenAddress } from "../settings/listen-address.ts";

/** How long a request may take to arrive whole; answers may take as long as they like. */
export const requestTimeoutMs: number = 30_000;

/** Requests that a door has received and not answered to the end. */
export interface UnderWay {
  /** Resolves when there are none, or at once. */
  ended(): Promise<void>;
  /** Resolves when what has been written so far has had its turn to leave. */
  told(): Promise<void>;
}

export function watchUnderWay(app: FastifyInstance): UnderWay {
  let open = 0;
  let onIdle: (() => void)[] = [];
  app.addHook("onRequest", async (_request, reply) => {
    open += 1;
    reply.raw.once("close", () => {
      open -= 1;
      if (open > 0) return;
      for (const resolve of onIdle) resolve();
      onIdle = [];
    });
  });
  return {
    ended: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
    async told() {
      for (let turn = 0; turn < 10 && open > 0; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

export function boundAddress(app: FastifyInstance, { host }: ListenAddress): ListenAddress {
  const { port } = app.server.address() as AddressInfo;
  return { host, port };
}
