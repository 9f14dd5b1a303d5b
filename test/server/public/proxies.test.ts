import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { describe, expect, test } from "vitest";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  hasProxy,
  type RunningProxy,
  startHaproxy,
  startNginx,
} from "../../support/network/proxies.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";

type LeaseClient = Client<typeof ControllerLease>;

interface Setup {
  readonly name: string;
  readonly isHere: boolean;
  start(service: RunningService): Promise<RunningProxy>;
}

const hasNginx = hasProxy("nginx");
const hasHaproxy = hasProxy("haproxy");

const compressing = "gzip on; gzip_min_length 1; gzip_types *; gzip_proxied any;";

/** Each in its defaults but for where it listens and what it stands before. */
const setups: readonly Setup[] = [
  {
    name: "nginx with nothing but proxy_pass",
    isHere: hasNginx,
    start: ({ addresses }) =>
      startNginx(
        (listen) =>
          `server { listen ${listen}; location / { proxy_pass http://${addresses.http}; } }`,
      ),
  },
  {
    name: "nginx that compresses, over HTTP/1.1",
    isHere: hasNginx,
    start: ({ addresses }) =>
      startNginx(
        (listen) => `${compressing} server { listen ${listen}; location / {
          proxy_pass http://${addresses.http}; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
      ),
  },
  {
    name: "HAProxy in its defaults",
    isHere: hasHaproxy,
    start: ({ addresses }) =>
      startHaproxy(
        (listen) => `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen lease
  bind ${listen}
  server one ${addresses.http}`,
      ),
  },
  {
    name: "HAProxy that compresses and keeps whole requests back",
    isHere: hasHaproxy,
    start: ({ addresses }) =>
      startHaproxy(
        (listen) => `
defaults
  mode http
  option http-buffer-request
  compression algo gzip
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen lease
  bind ${listen}
  server one ${addresses.http}`,
      ),
  },
];

const asked = { sessionId: "s1", privateBeachId: "b", passcode: "1" };

/** Each change has to come through before the next is made. */
async function watchesChanges(lease: LeaseClient, { registry }: RunningService): Promise<void> {
  const leave = new AbortController();
  const { signal } = leave;
  const events = lease.watchTransport({ sessionIds: ["s1"] }, { signal })[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => (await events.next()).value?.event.case;
  expect([await next(), await next()]).toEqual(["gone", "bookmark"]);
  for (let change = 0; change < 3; change += 1) {
    await registry.attachSession({ sessionId: "s1", privateBeachId: "b" });
    expect(await next()).toBe("state");
    await registry.detachSession({ sessionId: "s1" });
    expect(await next()).toBe("gone");
  }
  leave.abort();
}

describe.each(setups)("behind $name", ({ isHere, start }) => {
  test.runIf(isHere)("calls are answered and old routes are served", async () => {
    await using service = await runService();
    await using proxy = await start(service);
    const baseUrl = `http://${proxy.address}`;
    const lease = createClient(ControllerLease, createConnectTransport({ baseUrl }));
    const { controllerToken } = await lease.acquire(asked);
    await lease.renew({ sessionId: "s1", controllerToken });
    const answer = await fetch(`${baseUrl}/sessions/s1/controller-handshake`, {
      method: "POST",
      body: JSON.stringify({ passcode: "1", requester_private_beach_id: "b" }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store, no-transform");
    expect(await answer.json()).toMatchObject({ controller_token: expect.any(String) });
    expect((await fetch(`${baseUrl}/sessions/s1/none`, { method: "DELETE" })).status).toBe(404);
  });

  test.runIf(isHere).each(["Connect", "gRPC-Web"])("a watch over %s flows", async (protocol) => {
    await using service = await runService();
    await using proxy = await start(service);
    const options = { baseUrl: `http://${proxy.address}` };
    const transport =
      protocol === "Connect" ? createConnectTransport(options) : createGrpcWebTransport(options);
    await watchesChanges(createClient(ControllerLease, transport), service);
  });

  test.runIf(isHere)("a drain ends a watch with UNAVAILABLE", async () => {
    await using service = await runService();
    await using proxy = await start(service);
    const baseUrl = `http://${proxy.address}`;
    const lease = createClient(ControllerLease, createConnectTransport({ baseUrl }));
    const seen: (string | undefined)[] = [];
    const watched = (async () => {
      for await (const { event } of lease.watchTransport({ sessionIds: ["s1"] })) {
        seen.push(event.case);
        if (event.case === "bookmark") void service.drain();
      }
    })();
    await expect(watched).rejects.toThrow(/unavailable/);
    expect(seen).toEqual(["gone", "bookmark", "draining"]);
  });
});

const grpcSetups: readonly Setup[] = [
  {
    name: "nginx with grpc_pass",
    isHere: hasNginx,
    start: ({ addresses }) =>
      startNginx(
        (listen) =>
          `server { listen ${listen} http2; location / { grpc_pass grpc://${addresses.grpc}; } }`,
      ),
  },
  {
    name: "HAProxy with HTTP/2 on both sides",
    isHere: hasHaproxy,
    start: ({ addresses }) =>
      startHaproxy(
        (listen) => `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen lease
  bind ${listen} proto h2
  server one ${addresses.grpc} proto h2`,
      ),
  },
];

describe.each(grpcSetups)("behind $name", ({ isHere, start }) => {
  test.runIf(isHere)("calls, watches and KeepAlive pass", async () => {
    await using service = await runService();
    await using proxy = await start(service);
    const baseUrl = `http://${proxy.address}`;
    const lease = createClient(ControllerLease, createGrpcTransport({ baseUrl }));
    await watchesChanges(lease, service);
    const { controllerToken } = await lease.acquire({ ...asked, sessionId: "s2" });
    const renewal = { renewals: [{ sessionId: "s2", controllerToken }] };
    async function* renewals(): AsyncGenerator<typeof renewal> {
      yield renewal;
      yield renewal;
    }
    let answers = 0;
    for await (const { results } of lease.keepAlive(renewals())) answers += results.length;
    expect(answers).toBe(2);
  });
});
