import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer, createServer, type Http2Server } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { Arrivals } from "../../../src/server/connections/arrivals.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { admitStreams } from "../../../src/server/http2/admit-streams.ts";
import { OpenCalls } from "../../../src/server/http2/open-calls.ts";
import { ResetBudget } from "../../../src/server/http2/reset-budget.ts";
import { handshakeOptions } from "../../../src/server/tls/handshakes.ts";
import { flags, frame, frames, grpcHead } from "../../hostile/tools/raw-http2.ts";
import { hasOpenssl, issueCertificate } from "../../support/network/certificates.ts";

const connections = 6;
/** They come in one read. */
const streamsEach = 300;
/** Until all that was sent has come, and each connection has had the turns that it waited for. */
const settleTurns = 200;

/** Of each turn of the loop, the connections that brought streams in it. */
class Brought {
  readonly #byTurn: Set<object>[] = [new Set()];
  streams = 0;

  bring(session: object): void {
    this.#byTurn.at(-1)?.add(session);
    this.streams += 1;
  }

  nextTurn(): void {
    this.#byTurn.push(new Set());
  }

  get most(): number {
    return Math.max(...this.#byTurn.map(({ size }) => size));
  }
}

/** By a clock with which every turn is full as soon as anybody looks. */
function fullTurns(budgets: Budgets): ConnectionTurns {
  let now = 0;
  const tick = (): number => {
    now += 10;
    return now;
  };
  return new ConnectionTurns(budgets, tick, async () => undefined);
}

interface Bound {
  readonly server: Http2Server;
  /** What callers write to, before it goes to a connection. */
  readonly over: (connection: Duplex) => Duplex;
}

/** A connection that sends what was written first, and the rest once it is let. */
function held(port: number): { readonly connection: Duplex; readonly letGo: () => void } {
  const socket = connect(port, "127.0.0.1");
  const waiting: Buffer[] = [];
  let isFirst = true;
  const connection = new Duplex({
    read: () => undefined,
    write(bytes: Buffer, _encoding, done) {
      if (isFirst) socket.write(bytes);
      else waiting.push(bytes);
      isFirst = false;
      done();
    },
    destroy: (_error, done) => done(void socket.destroy()),
  });
  socket.on("data", (bytes) => connection.push(bytes));
  return { connection, letGo: () => void socket.write(Buffer.concat(waiting)) };
}

const doors = [
  {
    name: "in clear",
    async bind(): Promise<Bound> {
      return { server: createServer(), over: (connection) => connection };
    },
  },
  {
    name: "over TLS, in their handshakes",
    async bind(turns: ConnectionTurns): Promise<Bound> {
      await using issued = await issueCertificate("IP:127.0.0.1");
      const pair = { cert: readFileSync(issued.certificate), key: readFileSync(issued.key) };
      const handshakes = handshakeOptions({ budgets: new Budgets(), turns, protocols: ["h2"] });
      const server = createSecureServer({ ...pair, ...handshakes }) as unknown as Http2Server;
      const options = { ALPNProtocols: ["h2"], rejectUnauthorized: false };
      return { server, over: (socket) => connectTls({ ...options, socket }) };
    },
  },
].slice(0, hasOpenssl ? 2 : 1);

test.for(doors)(
  "once a new connection has filled the turn, no other is read in it: $name",
  async ({ bind }) => {
    const budgets = new Budgets();
    const turns = fullTurns(budgets);
    const { server, over } = await bind(turns);
    const brought = new Brought();
    admitStreams(server, {
      budgets,
      arrivals: new Arrivals(async () => undefined),
      resets: new ResetBudget(budgets),
      turns,
      calls: new OpenCalls(budgets, "open_calls"),
      refuses: ({ session = {} }) => {
        brought.bring(session);
        return true;
      },
      refuseForCalls: () => undefined,
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;

    const all = Array.from({ length: connections }, () => held(port));
    const callers = all.map(({ connection }) => over(connection).resume());
    for (const caller of callers) caller.write(preface);
    for (let count = 0; count < settleTurns; count += 1) await turn();
    for (const caller of callers) caller.write(calls());
    await turn();
    for (const { letGo } of all) letGo();
    while (brought.streams < connections * streamsEach) {
      await turn();
      brought.nextTurn();
    }

    // A read may have ended shortly before the one that filled the turn.
    expect(brought.most).toBeLessThanOrEqual(2);
    for (const { connection } of all) connection.destroy();
    server.close();
  },
);

const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(frames.settings, 0, 0),
]);

function calls(): Buffer {
  const head = grpcHead("/any");
  const streams = Array.from({ length: streamsEach }, (_, index) =>
    frame(frames.headers, flags.endHeaders, 2 * index + 1, head),
  );
  return Buffer.concat(streams);
}
