import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { Arrivals } from "../../../src/server/connections/arrivals.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { readingOf } from "../../../src/server/connections/reading.ts";
import { admitStreams } from "../../../src/server/http2/admit-streams.ts";
import { OpenCalls } from "../../../src/server/http2/open-calls.ts";
import { ResetBudget } from "../../../src/server/http2/reset-budget.ts";
import { paceOf } from "../../../src/server/http2/session-pace.ts";
import { frame, frames } from "../../hostile/tools/raw-http2.ts";
import { hasOpenssl, issueCertificate } from "../../support/network/certificates.ts";
import { patient } from "../../support/runs/patient.ts";

interface Abandoned {
  readonly session: ServerHttp2Session;
  readonly turns: ConnectionTurns;
  /** What the connection came by. */
  readonly socket: Socket;
  readonly server: Http2Server;
}

/** A connection over TLS whose peer has gone while it is not read, with something written that cannot leave. */
async function abandoned(): Promise<Abandoned> {
  await using issued = await issueCertificate("IP:127.0.0.1");
  const pair = { cert: readFileSync(issued.certificate), key: readFileSync(issued.key) };
  const server = createSecureServer(pair) as unknown as Http2Server;
  const budgets = new Budgets();
  const turns = new ConnectionTurns(
    budgets,
    () => performance.now(),
    async () => undefined,
  );
  admitStreams(server, {
    budgets,
    arrivals: new Arrivals(async () => undefined),
    resets: new ResetBudget(budgets),
    turns,
    calls: new OpenCalls(budgets, "open_streams"),
    refuses: () => false,
    refuseForCalls: () => undefined,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const underneath = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const accepted = once(server, "connection");
  const begun = once(server, "session");
  const peer = connectTls({ socket: underneath, ALPNProtocols: ["h2"], rejectUnauthorized: false });
  peer.on("error", () => undefined);
  peer.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  peer.write(frame(frames.settings, 0, 0));
  const [socket] = (await accepted) as [Socket];
  const [session] = (await begun) as [ServerHttp2Session];
  session.on("error", () => undefined);
  await once(session, "remoteSettings");
  const reading = readingOf(session.socket);
  // What is written while it is read would end it.
  reading?.readStop();
  underneath.resetAndDestroy();
  while (reading?.writeQueueSize === 0) {
    session.ping(() => undefined);
    reading.readStop();
    await turn();
  }
  while (reading?._parent?.writeQueueSize !== 0) await turn();
  return { session, turns, socket, server };
}

test.skipIf(!hasOpenssl)("a connection whose peer has gone is read on, and closes", async () => {
  const { session, turns, socket, server } = await abandoned();
  paceOf(session, turns).hold();
  await expect.poll(() => socket.closed, patient).toBe(true);
  server.close();
});

test.skipIf(!hasOpenssl)("a connection that is ended closes though its peer has gone", async () => {
  const { session, socket, server } = await abandoned();
  session.destroy();
  await expect.poll(() => socket.closed, patient).toBe(true);
  server.close();
});
