import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, connect as connectTcp } from "node:net";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { SessionCare } from "../../../src/server/http2/session-care.ts";
import { patient } from "../../support/runs/patient.ts";

const limits = { unusedMs: 30_000, idleMs: 70_000 };

let server: Http2Server;
let client: ClientHttp2Session;
let session: ServerHttp2Session;
let care: SessionCare;
/** Ends the sleep between two looks. */
let wake: (() => void) | undefined;
let closing: AbortController;

beforeEach(async () => {
  closing = new AbortController();
  care = new SessionCare(limits);
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on("error", () => undefined);
  client.setMaxListeners(0);
  [session] = await once(server, "session");
  care.add(session);
  void care.watch(() => new Promise((resolve) => (wake = resolve)), closing.signal);
});

afterEach(() => {
  closing.abort();
  wake?.();
  client.destroy();
  server.close();
});

/** Has it look, and lets a ping come back. */
async function look(): Promise<void> {
  wake?.();
  await new Promise((resolve) => setImmediate(resolve));
  if (!client.destroyed && !client.closed) {
    await new Promise<void>((resolve) => {
      client.once("close", resolve);
      if (!client.ping(() => resolve())) resolve();
    });
  }
}

async function looks(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await look();
}

test("a connection that brings no call is closed, with a word", async () => {
  const told = once(client, "goaway");
  await looks(2);
  expect(session.closed).toBe(false);
  await looks(1);
  expect(session.closed).toBe(true);
  await told;
});

test("one that had a call may be idle for longer, and as long as a call is open", async () => {
  care.began(session);
  await looks(10);
  expect(session.closed).toBe(false);
  care.ended(session);
  await looks(6);
  expect(session.closed).toBe(false);
  await looks(1);
  expect(session.closed).toBe(true);
});

test("one whose peer answers no ping is cut, whatever is open on it", async () => {
  const { port } = server.address() as AddressInfo;
  const mute = connectTcp(port, "127.0.0.1");
  const opened = once(server, "session");
  mute.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  const [silent] = (await opened) as [ServerHttp2Session];
  care.add(silent);
  care.began(silent);
  care.began(session);
  await looks(2);
  await vi.waitFor(() => expect(silent.destroyed).toBe(true), patient);
  expect(session.destroyed).toBe(false);
  mute.destroy();
});
