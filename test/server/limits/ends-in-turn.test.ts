import { once } from "node:events";
import { createServer as createHttp1, type ServerResponse } from "node:http";
import { type ClientHttp2Stream, connect, createServer, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, connect as connectNet, type Socket } from "node:net";

import { expect, test, vi } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { endConnectionInTurn, leaveInTurn } from "../../../src/server/connections/leave-in-turn.ts";
import { endInParts } from "../../../src/server/http2/end-in-parts.ts";
import { endInTurn } from "../../../src/server/http2/end-in-turn.ts";

const count = 300;
/** What may begin in one turn. */
const perTurn = 64;
const patient = { timeout: 10_000 };

/** Of each turn, how many ended in it. */
class Ended {
  readonly turns: ConnectionTurns;
  readonly #byTurn = new Map<number, number>();

  constructor(now = () => performance.now()) {
    this.turns = new ConnectionTurns(new Budgets(), now, async () => undefined);
  }

  one(): void {
    const { turn } = this.turns;
    this.#byTurn.set(turn, (this.#byTurn.get(turn) ?? 0) + 1);
  }

  get sum(): number {
    return [...this.#byTurn.values()].reduce((sum, one) => sum + one, 0);
  }

  get most(): number {
    return Math.max(...this.#byTurn.values());
  }
}

/** Streams of one connection, all of which have begun. */
async function streamsOf(
  port: number,
  hasBegun: () => boolean,
): Promise<{ readonly streams: readonly ClientHttp2Stream[]; readonly leave: () => void }> {
  const socket = connectNet(port, "127.0.0.1");
  const client = connect(`http://127.0.0.1:${port}`, {
    settings: { enablePush: false },
    createConnection: () => socket,
  });
  client.on("error", () => undefined);
  const streams = Array.from({ length: count }, () => client.request({ ":method": "POST" }));
  for (const stream of streams) stream.on("error", () => undefined);
  await vi.waitFor(() => expect(hasBegun()).toBe(true), patient);
  return { streams, leave: () => void socket.destroy() };
}

test.for(["cancels all its streams", "leaves"])(
  "where a caller of HTTP/2 %s, what follows from that has its turns",
  async (how) => {
    const ended = new Ended();
    let seen = 0;
    let begun = 0;
    const destroy = endInTurn(ended.turns, () => {
      seen += 1;
    });
    const server = createServer().listen(0, "127.0.0.1");
    server.on("stream", (stream) => {
      stream._destroy = destroy;
      stream.on("error", () => undefined);
      stream.on("close", () => ended.one());
      begun += 1;
    });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { streams, leave } = await streamsOf(port, () => begun === count);
    if (how === "leaves") leave();
    else for (const stream of streams) stream.close(8);
    await vi.waitFor(() => expect(ended.sum).toBe(count), patient);
    expect(seen).toBe(count);
    expect(ended.most).toBeLessThanOrEqual(perTurn);
    leave();
    server.close();
  },
);

/** Closed in one piece of work. */
const perWork = 32;

test.for([
  { how: "has left", end: (_session: ServerHttp2Session, leave: () => void) => leave() },
  { how: "is ended", end: (session: ServerHttp2Session) => session.destroy() },
])("the streams of a connection that $how close some at a time", async ({ end }) => {
  let now = 0;
  // With it, one piece of work is all that there is time for in a turn.
  const ended = new Ended(() => {
    now += 2;
    return now;
  });
  const sessions: ServerHttp2Session[] = [];
  let begun = 0;
  let isOver = false;
  const server = createServer().listen(0, "127.0.0.1");
  server.on("session", (session) => {
    sessions.push(session);
    endInParts(session, ended.turns, () => undefined);
    session.once("close", () => {
      isOver = true;
    });
  });
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.on("close", () => ended.one());
    begun += 1;
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { leave } = await streamsOf(port, () => begun === count);
  const [session] = sessions;
  if (session === undefined) throw new Error("there is no connection");
  end(session, leave);
  await vi.waitFor(() => expect(isOver).toBe(true), patient);
  expect(ended.sum).toBe(count);
  expect(ended.most).toBeLessThanOrEqual(perWork);
  leave();
  server.close();
});

test("connections of HTTP/1.1 that many callers end at once close in turns", async () => {
  const ended = new Ended();
  const callers: Socket[] = [];
  let begun = 0;
  const server = createHttp1((request) => {
    begun += 1;
    request.on("error", () => ended.one());
  }).listen(0, "127.0.0.1");
  server.on("connection", (socket) => endConnectionInTurn(socket, ended.turns));
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (let index = 0; index < count; index += 1) {
    const caller = connectNet(port, "127.0.0.1").on("error", () => undefined);
    // A body that never comes whole.
    caller.write("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\n");
    callers.push(caller);
  }
  await vi.waitFor(() => expect(begun).toBe(count), patient);
  for (const caller of callers) caller.end();
  await vi.waitFor(() => expect(ended.sum).toBe(count), patient);
  expect(ended.most).toBeLessThanOrEqual(perTurn);
  server.close();
});

test("where many callers of HTTP/1.1 leave at once, what follows from that has its turns", async () => {
  const ended = new Ended();
  const sockets: Socket[] = [];
  const server = createHttp1((request, response: ServerResponse) => {
    leaveInTurn(response, request.socket, ended.turns);
    response.on("close", () => ended.one());
    sockets.push(request.socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (let index = 0; index < count; index += 1) {
    const socket = connectNet(port, "127.0.0.1").on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  }
  await vi.waitFor(() => expect(sockets).toHaveLength(count), patient);
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(() => expect(ended.sum).toBe(count), patient);
  expect(ended.most).toBeLessThanOrEqual(perTurn);
  server.close();
});
