import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";

import { HostFollower } from "../../src/client/host.ts";
import { TransportEnd, TransportPath } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { createQueue, serveWatch } from "./scripted-service.ts";

const sessionId = "session-1";
const { FAST_PATH, HTTP_FALLBACK, PENDING } = TransportPath;

function follow(nextMs: () => number = () => 0) {
  const service = serveWatch();
  const received = createQueue<string>();
  const follower = new HostFollower({
    transport: service.transport,
    sessionId,
    onOffer: (offer) => received.push(`offer ${offer.handshakeId}`),
    onPoller: (directive) =>
      received.push(directive.kind === "paused" ? "paused" : `running: ${directive.because}`),
    onState: (state) => received.push(`state ${state.version}`),
    onGone: (reason) => received.push(`gone ${reason}`),
    backoff: { nextMs, reset: () => undefined },
  });
  follower.start();
  return { service, follower, received, [Symbol.asyncDispose]: () => follower.stop() };
}

describe("the HTTP action poller", () => {
  test("is paused only while the state says FAST_PATH and the host's own channel is up", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    watch.state({ sessionId, version: 1n, path: FAST_PATH, handshakeId: "a" });
    expect(await beach.received.next()).toBe("state 1");
    beach.follower.channelIs("a", true);
    expect(await beach.received.next()).toBe("paused");
    beach.follower.channelIs("a", false);
    expect(await beach.received.next()).toBe("running: fast_path_inactive");
    beach.follower.channelIs("a", true);
    expect(await beach.received.next()).toBe("paused");
    watch.state({ sessionId, version: 2n, path: HTTP_FALLBACK, handshakeId: "a" });
    expect(await beach.received.next()).toBe("state 2");
    expect(await beach.received.next()).toBe("running: manager_requires_http");
  });

  test("is not paused for a channel of another handshake", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    beach.follower.channelIs("b", true);
    watch.state({ sessionId, version: 1n, path: FAST_PATH, handshakeId: "a" });
    expect(await beach.received.next()).toBe("state 1");
    watch.state({ sessionId, version: 2n, path: FAST_PATH, handshakeId: "b" });
    expect(await beach.received.next()).toBe("state 2");
    expect(await beach.received.next()).toBe("paused");
  });

  test("is not paused once nobody follows the session, and may still run again", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    watch.state({ sessionId, version: 1n, path: FAST_PATH, handshakeId: "a" });
    expect(await beach.received.next()).toBe("state 1");
    beach.follower.channelIs("a", true);
    expect(await beach.received.next()).toBe("paused");
    await beach.follower.stop();
    beach.follower.channelIs("a", false);
    expect(await beach.received.next()).toBe("running: fast_path_inactive");
    beach.follower.channelIs("a", true);
    beach.received.push("the end");
    expect(await beach.received.next()).toBe("the end");
  });

  test("stays paused while a replacement is promoted", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    beach.follower.channelIs("a", true);
    watch.state({ sessionId, version: 1n, path: FAST_PATH, handshakeId: "a" });
    expect([await beach.received.next(), await beach.received.next()]).toEqual([
      "state 1",
      "paused",
    ]);
    beach.follower.channelIs("b", true);
    watch.state({ sessionId, version: 2n, path: FAST_PATH, handshakeId: "b" });
    expect(await beach.received.next()).toBe("state 2");
    beach.follower.channelIs("a", false);
    watch.state({ sessionId, version: 3n, path: HTTP_FALLBACK, handshakeId: "b" });
    const words = [await beach.received.next(), await beach.received.next()];
    expect(words).toEqual(["state 3", "running: manager_requires_http"]);
  });
});

describe("an offer", () => {
  test("is delivered once for each handshake, however often states and streams show it", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    expect(watch.request.reader).toBe(TransportEnd.HOST);
    const negotiation = { handshakeId: "a" };
    watch.state({ sessionId, version: 1n, path: PENDING, negotiation });
    watch.state({ sessionId, version: 2n, path: PENDING, negotiation });
    watch.end();
    const again = await beach.service.opened();
    again.state({ sessionId, version: 3n, path: PENDING, negotiation });
    again.state({ sessionId, version: 4n, path: PENDING, negotiation: { handshakeId: "b" } });
    const words: string[] = [];
    while (words.at(-1) !== "offer b") words.push(await beach.received.next());
    expect(words.filter((word) => word.startsWith("offer"))).toEqual(["offer a", "offer b"]);
  });
});

describe("a stream that ends", () => {
  test("leaves the last state standing, and is resumed with the known version", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    beach.follower.channelIs("a", true);
    watch.state({ sessionId, version: 7n, path: FAST_PATH, handshakeId: "a" });
    expect([await beach.received.next(), await beach.received.next()]).toEqual([
      "state 7",
      "paused",
    ]);
    watch.end();
    const again = await beach.service.opened();
    expect(again.request.knownVersions).toEqual({ [sessionId]: 7n });
    expect(beach.follower.state?.version).toBe(7n);
    again.state({ sessionId, version: 8n, path: FAST_PATH, handshakeId: "a" });
    expect(await beach.received.next()).toBe("state 8");
  });

  test("is given up when it was silent for twice its repeats_every", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    watch.say({ event: { case: "bookmark", value: { repeatsEvery: durationFromMs(20) } } });
    const again = await beach.service.opened();
    expect(again).not.toBe(watch);
  });

  test("is reopened after the delay that Draining names, not after a back-off", async () => {
    const never = 2 ** 31 - 1;
    await using beach = follow(() => never);
    const watch = await beach.service.opened();
    watch.say({ event: { case: "draining", value: { reconnectAfter: durationFromMs(5) } } });
    await beach.service.opened();
  });
});

describe("a session that is gone", () => {
  test("keeps the last state when the session is merely unknown", async () => {
    await using beach = follow();
    const watch = await beach.service.opened();
    beach.follower.channelIs("a", true);
    watch.state({ sessionId, version: 1n, path: FAST_PATH, handshakeId: "a" });
    watch.say({ event: { case: "gone", value: { sessionId, reason: "unknown" } } });
    const words = [
      await beach.received.next(),
      await beach.received.next(),
      await beach.received.next(),
    ];
    expect(words).toEqual(["state 1", "paused", "gone unknown"]);
    expect(beach.follower.state?.handshakeId).toBe("a");
    watch.say({ event: { case: "gone", value: { sessionId, reason: "closed by its owner" } } });
    expect(await beach.received.next()).toBe("gone closed by its owner");
    expect(await beach.received.next()).toBe("running: manager_requires_http");
  });
});

describe("a callback that fails", () => {
  test("onState: poller and offer are decided all the same, and the state is sent again", async () => {
    const service = serveWatch();
    const received = createQueue<string>();
    let failures = 1;
    await using follower = disposable(
      new HostFollower({
        transport: service.transport,
        sessionId,
        onOffer: ({ handshakeId }) => received.push(`offer ${handshakeId}`),
        onPoller: ({ kind }) => received.push(kind),
        onState: ({ version }) => {
          if (failures-- > 0) throw new Error("a tile broke");
          received.push(`state ${version}`);
        },
        onTrouble: (error) => received.push(String(error)),
        backoff: { nextMs: () => 0, reset: () => undefined },
      }),
    );
    follower.channelIs("a", true);
    follower.start();
    const watch = await service.opened();
    const state = {
      sessionId,
      version: 5n,
      path: FAST_PATH,
      handshakeId: "a",
      negotiation: { handshakeId: "b" },
    };
    watch.state(state);
    expect([await received.next(), await received.next(), await received.next()]).toEqual([
      "paused",
      "offer b",
      "CallbackError: onState failed: a tile broke",
    ]);
    watch.end();
    const again = await service.opened();
    expect(again.request.knownVersions).toEqual({});
    again.state(state);
    expect(await received.next()).toBe("state 5");
  });

  test("onOffer and onPoller are called again with the next state", async () => {
    const service = serveWatch();
    const received = createQueue<string>();
    const failing = new Set(["offer", "poller"]);
    const call = (name: string, word: string): Promise<void> => {
      if (failing.delete(name)) return Promise.reject(new Error("not now"));
      received.push(word);
      return Promise.resolve();
    };
    await using follower = disposable(
      new HostFollower({
        transport: service.transport,
        sessionId,
        onOffer: ({ handshakeId }) => call("offer", `offer ${handshakeId}`),
        onPoller: ({ kind }) => call("poller", kind),
        onTrouble: (error) => {
          received.push(String(error));
          throw new Error("nobody is left to hear of this");
        },
      }),
    );
    follower.channelIs("a", true);
    follower.start();
    const watch = await service.opened();
    const state = {
      sessionId,
      path: FAST_PATH,
      handshakeId: "a",
      negotiation: { handshakeId: "b" },
    };
    watch.state({ ...state, version: 1n });
    const troubles = [await received.next(), await received.next()].sort();
    expect(troubles).toEqual([
      "CallbackError: onOffer failed: not now",
      "CallbackError: onPoller failed: not now",
    ]);
    watch.state({ ...state, version: 2n });
    expect([await received.next(), await received.next()]).toEqual(["paused", "offer b"]);
  });

  test("onGone is called again by the next stream", async () => {
    const service = serveWatch();
    const received = createQueue<string>();
    let failures = 1;
    await using follower = disposable(
      new HostFollower({
        transport: service.transport,
        sessionId,
        onOffer: () => undefined,
        onPoller: () => undefined,
        onState: ({ version }) => received.push(`state ${version}`),
        onGone: (reason) => {
          if (failures-- > 0) throw new Error("broken");
          received.push(`gone ${reason}`);
        },
        onTrouble: (error) => received.push(String(error)),
        backoff: { nextMs: () => 0, reset: () => undefined },
      }),
    );
    follower.start();
    const watch = await service.opened();
    watch.state({ sessionId, version: 3n, path: FAST_PATH });
    watch.say({ event: { case: "gone", value: { sessionId, reason: "idle" } } });
    expect([await received.next(), await received.next()]).toEqual([
      "state 3",
      "CallbackError: onGone failed: broken",
    ]);
    watch.end();
    const again = await service.opened();
    expect(again.request.knownVersions).toEqual({ [sessionId]: 3n });
    again.say({ event: { case: "gone", value: { sessionId, reason: "idle" } } });
    expect(await received.next()).toBe("gone idle");
  });
});

test("a service that asks for the next stream at once is still given a pause", async () => {
  await using beach = follow();
  const watch = await beach.service.opened();
  const before = performance.now();
  watch.say({ event: { case: "bearerExpiring", value: {} } });
  await beach.service.opened();
  expect(performance.now() - before).toBeGreaterThanOrEqual(95);
});

function disposable(follower: HostFollower): HostFollower & AsyncDisposable {
  return Object.assign(follower, { [Symbol.asyncDispose]: () => follower.stop() });
}

describe("a state of a lower generation, from a service that has forgotten,", () => {
  async function onFastPath() {
    const beach = follow();
    const watch = await beach.service.opened();
    beach.follower.channelIs("a", true);
    watch.state({ sessionId, version: 9n, path: FAST_PATH, handshakeId: "a", generation: 7n });
    expect([await beach.received.next(), await beach.received.next()]).toEqual([
      "state 9",
      "paused",
    ]);
    return { beach, watch };
  }

  test("does not make the poller run while the local channel is up", async () => {
    const { beach, watch } = await onFastPath();
    await using _ = beach;
    watch.state({ sessionId, version: 1n, path: PENDING, generation: 0n });
    expect(await beach.received.next()).toBe("state 1");
    beach.follower.channelIs("a", false);
    expect(await beach.received.next()).toBe("running: manager_requires_http");
  });

  test("gives way to a generation that is not lower", async () => {
    const { beach, watch } = await onFastPath();
    await using _ = beach;
    watch.state({ sessionId, version: 1n, path: PENDING, generation: 0n });
    watch.state({ sessionId, version: 2n, path: HTTP_FALLBACK, handshakeId: "a", generation: 8n });
    const words = [await beach.received.next(), await beach.received.next()];
    expect([...words, await beach.received.next()]).toEqual([
      "state 1",
      "state 2",
      "running: manager_requires_http",
    ]);
  });
});
