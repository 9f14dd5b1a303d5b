import { once } from "node:events";
import { constants } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, test, vi } from "vitest";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { hasOpenssl } from "../../support/network/certificates.ts";
import { patient } from "../../support/runs/patient.ts";
import { runSecure, type SecureService } from "./secure-service.ts";

const sessionId = "s1";
const renewOld = "/sessions/s1/controller-handshake/renew";

/** Every protocol of the public door, over each version of HTTP that carries it. */
function transportsTo(service: SecureService): Readonly<Record<string, Transport>> {
  const baseUrl = service.httpUrl("");
  return {
    "Connect over HTTP/1.1": createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    "Connect over HTTP/2": createConnectTransport({ baseUrl, httpVersion: "2" }),
    "gRPC-Web over HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    "gRPC-Web over HTTP/2": createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    gRPC: createGrpcTransport({ baseUrl }),
  };
}

async function acquire(service: SecureService): Promise<string> {
  const asked = { sessionId, privateBeachId: "b", passcode: "1" };
  return (await service.lease.acquire(asked)).controllerToken;
}

/** A connection of HTTP/1.1 with TLS, and all that has come on it so far. */
async function openHttp1(
  service: SecureService,
): Promise<{ socket: TLSSocket; text: () => string }> {
  const { hostname: host, port } = new URL(service.httpUrl(""));
  const socket = connectTls({ host, port: Number(port), ALPNProtocols: ["http/1.1"] });
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return { socket, text: () => text };
}

/** Renews over the old route; the head and the body are sent apart. */
function oldRequest(controllerToken: string): readonly [head: string, body: string] {
  const body = JSON.stringify({ controller_token: controllerToken });
  const head = `POST ${renewOld} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return [head, body];
}

describe.skipIf(!hasOpenssl)("one port with TLS", () => {
  test("carries every protocol, and the old routes", async () => {
    await using service = await runSecure();
    const controllerToken = await acquire(service);
    for (const [name, transport] of Object.entries(transportsTo(service))) {
      const lease = createClient(ControllerLease, transport);
      const { lease: renewed } = await lease.renew({ sessionId, controllerToken });
      expect(renewed?.expiresAt, name).toBeDefined();
      await expect(lease.renew({ sessionId: "nobody", controllerToken }), name).rejects.toThrow(
        /no such session/,
      );
      const events: unknown[] = [];
      for await (const { event } of lease.watchTransport({ sessionIds: [sessionId] })) {
        events.push(event.case);
        if (event.case === "bookmark") break;
      }
      expect(events, name).toEqual(["state", "bookmark"]);
    }
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ controller_token: controllerToken });
    const old = await fetch(service.httpUrl(renewOld), { method: "POST", headers, body });
    expect([old.status, await old.json()]).toEqual([
      200,
      expect.objectContaining({ controller_token: controllerToken, handshake_kind: "refresh" }),
    ]);
    using raw = service.http2();
    // Neither a type nor a length says that there is a body.
    const stream = raw.session.request({ ":method": "POST", ":path": renewOld });
    stream.end(body);
    const [answer] = await once(stream, "response");
    expect(answer[":status"]).toBe(200);
  });

  test("carries KeepAlive over HTTP/2, and says over HTTP/1.1 what it needs", async () => {
    await using service = await runSecure();
    const controllerToken = await acquire(service);
    for (const [name, transport] of Object.entries(transportsTo(service))) {
      let answers = 0;
      async function* renewals(): AsyncGenerator<{ renewals: object[] }> {
        for (let count = 0; count < 3; count += 1) {
          yield { renewals: [{ sessionId, controllerToken }] };
          // Each is answered before the next one is there.
          await vi.waitFor(() => expect(answers).toBe(count + 1), patient);
        }
      }
      const keepAlive = async (): Promise<void> => {
        const client = createClient(ControllerLease, transport);
        for await (const { results } of client.keepAlive(renewals())) {
          expect(results[0]?.refusal).toBe("");
          answers += 1;
        }
      };
      if (!name.endsWith("HTTP/1.1")) {
        await keepAlive();
        expect(answers, name).toBe(3);
      } else {
        await expect(keepAlive(), name).rejects.toThrow();
      }
    }
  });

  test("lets the pages call that may call in clear", async () => {
    await using service = await runSecure();
    const ask = (origin: string): Promise<Response> =>
      fetch(service.httpUrl("/beach.controller.v1.ControllerLease/Renew"), {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
    const allowed = await ask("http://localhost:5173");
    expect(allowed.headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
    const foreign = await ask("https://evil.example");
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("drains connections of both kinds: GOAWAY and connection: close", async () => {
    await using service = await runSecure();
    const controllerToken = await acquire(service);
    const watches = Object.entries(transportsTo(service)).map(([name, transport]) => {
      const events: unknown[] = [];
      const ended = (async () => {
        try {
          const client = createClient(ControllerLease, transport);
          for await (const { event } of client.watchTransport({ sessionIds: [sessionId] })) {
            events.push(event.case);
          }
          return "no error";
        } catch (error) {
          return Code[ConnectError.from(error).code];
        }
      })();
      return { name, events, ended };
    });
    const [head, body] = oldRequest(controllerToken);
    const old = await openHttp1(service);
    old.socket.write(head);
    using raw = service.http2();
    const wentAway = once(raw.session, "goaway");
    await vi.waitFor(() => {
      for (const { events } of watches) expect(events).toEqual(["state", "bookmark"]);
    }, patient);

    const drained = service.drain();
    for (const { name, events, ended } of watches) {
      expect(await ended, name).toBe("Unavailable");
      expect(events, name).toEqual(["state", "bookmark", "draining"]);
    }
    expect((await wentAway)[0]).toBe(constants.NGHTTP2_NO_ERROR);
    old.socket.end(body);
    await once(old.socket, "close");
    expect(old.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(old.text()).toMatch(/\r\nconnection: close\r\n/i);
    await drained;
  });

  test("reloads files without disturbing open connections", async () => {
    await using service = await runSecure();
    using raw = service.http2();
    const renewed = async (): Promise<unknown> => {
      const stream = raw.session.request({ ":method": "GET", ":path": "/none" });
      const [answer] = await once(stream.resume(), "response");
      return answer[":status"];
    };
    expect(await renewed()).toBe(404);
    await service.readFilesAnew();
    expect(service.log).toContainEqual(
      expect.objectContaining({
        msg: "files read anew",
        settings: ["LEASE_HTTP_TLS_CERT", "LEASE_HTTP_TLS_KEY"],
      }),
    );
    expect(await renewed()).toBe(404);
  });
});
