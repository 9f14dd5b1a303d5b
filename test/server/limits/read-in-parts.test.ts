import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

import { type FastifyInstance, fastify } from "fastify";
import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { HttpConnections } from "../../../src/server/connections/http-connections.ts";
import { Outbox } from "../../../src/server/outbox.ts";

const bodyLimit = 1024 * 1024;
const call = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";

interface Door {
  readonly app: FastifyInstance;
  connect(): Promise<Socket>;
}

/** A door without routes, on which a connection may have so many calls wait. */
async function door(): Promise<Door> {
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
  const app = fastify({
    serverFactory: connections.serverFactory,
    forceCloseConnections: true,
    bodyLimit,
  });
  return {
    app,
    async connect() {
      await app.listen({ host: "127.0.0.1", port: 0 });
      const { port } = app.server.address() as AddressInfo;
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    },
  };
}

/** A call with a body of that length, which is text. */
function callWith(bytes: number): string {
  const head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-type: text/plain\r\n";
  return `${head}content-length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`;
}

test.for([
  { behind: "nothing", first: "" },
  { behind: "a long body", first: callWith(100_000) },
])(
  "no more is parsed of a connection than may wait for the answer of its first call, behind $behind",
  async ({ first }) => {
    const { app, connect } = await door();
    let parsed = 0;
    app.server.on("request", () => {
      parsed += 1;
    });
    const { promise: answered, resolve: answerFirst } = Promise.withResolvers<void>();
    let begun = 0;
    const answer = async (): Promise<string> => {
      begun += 1;
      await answered;
      return "answered";
    };
    app.get("/", answer);
    app.post("/", answer);
    const socket = await connect();
    let answers = "";
    socket.on("data", (data) => {
      answers += data.toString();
    });
    socket.write(first + call.repeat(2_000));
    while (begun === 0) await turn();
    for (let turns = 0; turns < 100; turns += 1) await turn();
    expect(begun).toBe(1);
    expect(parsed).toBeGreaterThan(16);
    expect(parsed).toBeLessThan(200);
    answerFirst();
    while (answers.split("answered").length <= 2_000) await turn();
    expect(parsed).toBeGreaterThanOrEqual(2_000);
    socket.destroy();
    await app.close();
  },
);

test("a long body is parsed as it comes, not in parts", async () => {
  const { app, connect } = await door();
  let parts = 0;
  app.server.on("connection", (socket: Socket) => {
    socket.on("data", () => {
      parts += 1;
    });
  });
  app.post("/", async ({ body }) => `${String(body).length}`);
  const socket = await connect();
  socket.write(callWith(bodyLimit));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(new RegExp(`${bodyLimit}$`));
  expect(parts).toBeLessThan(bodyLimit / 4_096 / 2);
  socket.destroy();
  await app.close();
});
