import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Interceptor } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { HostFollower, TransportReporter } from "../../../src/client/host.ts";
import { TransportWatcher } from "../../../src/client/index.ts";
import { createNodeTransport, type NodeTransport } from "../../../src/client/node.ts";
import type { WatchTransportResponse } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ConnectionState,
  TransportEnd,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { startTcpProxy, type TcpProxy } from "../../support/network/tcp-proxy.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { createQueue } from "../scripted-service.ts";

// The network keeps back every byte of the connections there are, with neither FIN nor RST: whoever
// waits for an answer on one of them waits for ever.

const sessionId = "session-1";
const backoff = { nextMs: () => 10, reset: () => undefined };
const firstWordMs = 400;

let service: RunningService;

beforeAll(async () => {
  service = await runService();
  await service.registry.attachSession({ sessionId, privateBeachId: "beach-1" });
});

afterAll(() => service[Symbol.asyncDispose]());

const roads = [
  { name: "gRPC over HTTP/2", protocol: "grpc", door: "grpc" },
  { name: "Connect over HTTP/1.1", protocol: "connect", door: "http" },
] as const;

describe.each(roads)("over $name", ({ protocol, door }) => {
  async function road(): Promise<AsyncDisposable & { proxy: TcpProxy; transport: NodeTransport }> {
    const port = Number(service.addresses[door].split(":").at(-1));
    const proxy = await startTcpProxy(port);
    const baseUrl = `http://127.0.0.1:${proxy.port}`;
    const pings = { pingIntervalMs: 100, pingTimeoutMs: 100 };
    const interceptors = [hastyBookmarks];
    const transport = createNodeTransport({ baseUrl, protocol, interceptors, ...pings });
    return {
      proxy,
      transport,
      async [Symbol.asyncDispose]() {
        transport.close();
        await proxy[Symbol.asyncDispose]();
      },
    };
  }

  test("TransportWatcher has its next stream on another connection", async () => {
    await using through = await road();
    const versions = createQueue<bigint>();
    const watcher = new TransportWatcher({
      transport: through.transport,
      watched: { privateBeachId: "beach-1" },
      onState: (state) => versions.push(state.version),
      firstWordMs,
      backoff,
    });
    watcher.start();
    await moveOn(through.proxy, versions);
    await watcher.stop();
  });

  test("HostFollower has its next stream on another connection", async () => {
    await using through = await road();
    const versions = createQueue<bigint>();
    const follower = new HostFollower({
      transport: through.transport,
      sessionId,
      onOffer: () => undefined,
      onPoller: () => undefined,
      onState: (state) => versions.push(state.version),
      firstWordMs,
      backoff,
    });
    follower.start();
    await moveOn(through.proxy, versions);
    await follower.stop();
  });

  test("TransportReporter has its next answer on another connection", async () => {
    await using through = await road();
    const verdicts = createQueue<string>();
    const reporter = new TransportReporter({
      transport: through.transport,
      end: TransportEnd.HOST,
      onRetired: () => undefined,
      onVerdict: ({ sessionId: id }) => verdicts.push(id),
      callTimeoutMs: 400,
      backoff,
    });
    reporter.hold({
      sessionId,
      handshakeId: "a",
      transportId: "a-1",
      observe: () => ({ connection: ConnectionState.CONNECTING, channels: [] }),
    });
    reporter.start();
    expect(await verdicts.next()).toBe(sessionId);
    through.proxy.hold("both");
    reporter.changed();
    expect(await verdicts.next()).toBe(sessionId);
    expect(await verdicts.next()).toBe(sessionId);
    await reporter.stop();
  });

  /** Swallows what is on the way, changes the session, and waits until the reader has seen it. */
  async function moveOn(proxy: TcpProxy, versions: { next(): Promise<bigint> }): Promise<void> {
    const before = await versions.next();
    proxy.hold("both");
    await service.lease.acquire({
      sessionId,
      privateBeachId: "beach-1",
      reason: crypto.randomUUID(),
      passcode: "1234",
      ttl: durationFromMs(300_000),
    });
    while ((await versions.next()) <= before);
  }
});

/** Promises a bookmark soon, so that silence over HTTP/1.1, which has no pings, is noticed soon. */
const hastyBookmarks: Interceptor = (next) => async (request) => {
  const response = await next(request);
  return response.stream ? { ...response, message: promisingMore(response.message) } : response;
};

async function* promisingMore<T extends object>(messages: AsyncIterable<T>): AsyncIterable<T> {
  for await (const message of messages) {
    const { event } = message as T & Partial<WatchTransportResponse>;
    if (event?.case === "bookmark") event.value.repeatsEvery = durationFromMs(200);
    yield message;
  }
}
