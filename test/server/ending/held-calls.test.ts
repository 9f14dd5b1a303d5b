import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";

import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { HttpConnections } from "../../../src/server/connections/http-connections.ts";
import { Outbox } from "../../../src/server/outbox.ts";

/** Looks of a door that closes before it holds calls back. */
const servingLooks = 40;

test("a call over HTTP/1.1 that was held back while a door closes, and left, is not begun", async () => {
  const letGo = Promise.withResolvers<void>();
  const sockets: Socket[] = [];
  const open = async (): Promise<Socket> => {
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection");
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    sockets.push(socket);
    await accepted;
    return socket;
  };
  let looks = 0;
  const sleep = async (): Promise<void> => {
    looks += 1;
    if (looks > servingLooks) await letGo.promise;
    // There is no quiet before.
    else await open();
  };
  const budgets = new Budgets();
  const turns = new ConnectionTurns(budgets, () => performance.now(), sleep);
  const options = { connectionsMax: 1_000, onDropped: () => undefined, sleep, turns };
  const connections = new HttpConnections(options, new Outbox(budgets));
  const begun: (string | undefined)[] = [];
  const server: Server = connections.serverFactory((request, response) => {
    begun.push(request.url);
    response.end();
  }, {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const received: IncomingMessage[] = [];
  server.on("request", (request: IncomingMessage) => received.push(request));

  const left = connections.leave();
  await expect.poll(() => looks).toBeGreaterThan(servingLooks);
  const [stays, leaves] = [await open(), await open()];
  stays.write("GET /stays HTTP/1.1\r\nhost: h\r\n\r\n");
  leaves.write("GET /left HTTP/1.1\r\nhost: h\r\n\r\n");
  await expect.poll(() => received.length).toBe(2);
  leaves.resetAndDestroy();
  await expect.poll(() => received.some(({ socket }) => socket.destroyed)).toBe(true);
  letGo.resolve();
  await expect.poll(() => begun.length).toBeGreaterThan(0);
  for (const socket of sockets) socket.destroy();
  await left;
  expect(begun).toEqual(["/stays"]);
});
