import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

import { fastify } from "fastify";
import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { HttpConnections } from "../../../src/server/connections/http-connections.ts";
import { Outbox } from "../../../src/server/outbox.ts";

const call = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";

test("no more is parsed of a connection than may wait for the answer of its first call", async () => {
  const budgets = new Budgets({ queued_calls: 16 });
  const connections = new HttpConnections(
    {
      connectionsMax: 10,
      onDropped: () => undefined,
      sleep: () => Promise.resolve(),
      turns: new ConnectionTurns(
        budgets,
        () => 0,
        async () => undefined,
      ),
    },
    new Outbox(budgets),
  );
  const app = fastify({ serverFactory: connections.serverFactory, forceCloseConnections: true });
  let parsed = 0;
  app.server.on("request", () => {
    parsed += 1;
  });
  const { promise: first, resolve: answerFirst } = Promise.withResolvers<void>();
  let begun = 0;
  app.get("/", async () => {
    begun += 1;
    await first;
    return "answered";
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  let answers = "";
  socket.on("data", (data) => {
    answers += data.toString();
  });
  await once(socket, "connect");
  socket.write(call.repeat(2_000));
  while (begun === 0) await turn();
  for (let turns = 0; turns < 100; turns += 1) await turn();
  expect(begun).toBe(1);
  expect(parsed).toBeGreaterThan(16);
  expect(parsed).toBeLessThan(200);
  answerFirst();
  while (answers.split("answered").length <= 2_000) await turn();
  expect(parsed).toBe(2_000);
  socket.destroy();
  await app.close();
});
