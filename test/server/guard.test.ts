import { getEventListeners } from "node:events";

import { expect, test } from "vitest";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { CallScope } from "../../src/observe/call-scope.ts";
import { guarded } from "../../src/server/guard.ts";

const call = { signal: new AbortController().signal } as never;

test("open streams share one listener on the end of the service, and all of them end with it", async () => {
  const closing = new AbortController();
  const echo = { service: ControllerLease, handler: () => (input: unknown) => input };
  const { handler } = guarded(echo, {
    closing: closing.signal,
    monotonic: () => 0,
    figuresOf: () => ({ ended: () => undefined, took: () => undefined }),
    scopesOf: () => (incoming) => new CallScope(incoming, undefined),
    onBug: () => undefined,
  });
  const before = getEventListeners(closing.signal, "abort").length;

  const keepAlive = handler(ControllerLease.method.keepAlive);
  const streams = Array.from({ length: 100 }, () =>
    (keepAlive(silent(), call) as AsyncIterable<unknown>)[Symbol.asyncIterator](),
  );
  const ends = streams.map((stream) => stream.next().catch((error: unknown) => String(error)));
  expect(getEventListeners(closing.signal, "abort")).toHaveLength(before);

  closing.abort();
  expect(new Set(await Promise.all(ends))).toEqual(
    new Set(["ConnectError: [unavailable] the service is going away, connect again"]),
  );
});

/** Messages of a caller that sends none. */
async function* silent(): AsyncGenerator<unknown> {
  yield await new Promise(() => {});
}
