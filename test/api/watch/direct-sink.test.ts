import { create, fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import type { DirectStream } from "../../../src/api/call/handlers.ts";
import { createWatchTransport } from "../../../src/api/watch/watch-transport.ts";
import { Budgets } from "../../../src/budget/budgets.ts";
import {
  WatchTransportRequestSchema,
  WatchTransportResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { Envelopes } from "../../../src/server/intake/envelopes.ts";
import { serviceUnderTest } from "../../support/service/session-service.ts";
import { dependenciesFor, everybodyIs } from "../api-under-test.ts";
import { person, service } from "../principals.ts";

const sessionIds = Array.from({ length: 1_000 }, (_, index) => `session-${1_000 + index}`);

test.each([
  ["all at once", "every session", service()],
  ["one by one", "every session", service()],
  // Whether a session is unknown to it is looked up for each.
  ["all at once", "a private beach", person()],
  ["one by one", "a private beach", person()],
] as const)(
  "a thousand names are answered in few writes, none of them long, %s, to a reader of %s",
  async (pace, _reach, principal) => {
    await using under = await serviceUnderTest();
    const authenticator = everybodyIs(principal);
    const watch = createWatchTransport(dependenciesFor(under.service, { authenticator }));
    const writes: Buffer[] = [];
    const direct: DirectStream = {
      format: "binary",
      write(envelopes) {
        writes.push(envelopes);
        if (pace === "one by one") setImmediate(() => direct.onReady());
        return pace !== "one by one";
      },
      onReady: () => undefined,
    };
    const stop = new AbortController();
    const call = { signal: stop.signal, requestHeader: new Headers(), direct: () => direct };
    const first: string[] = [];
    const reading = (async () => {
      const request = create(WatchTransportRequestSchema, { sessionIds });
      for await (const { event } of watch(request, call)) {
        if (event?.case === "gone") first.push(event.value.sessionId ?? "");
      }
    })();
    const read = (): readonly string[] => [...first, ...writes.flatMap(namesIn)];
    await expect.poll(() => read().length, { timeout: 10_000 }).toBe(sessionIds.length);
    expect(read()).toEqual(sessionIds);
    expect(writes.length).toBeLessThan(100);
    expect(Math.max(...writes.map(({ length }) => length))).toBeLessThan(5_000);
    stop.abort();
    await reading;
  },
);

/** The sessions that are said to be gone in whole envelopes. */
function namesIn(bytes: Buffer): readonly string[] {
  const envelopes = new Envelopes(new Budgets());
  envelopes.add(bytes);
  const names: string[] = [];
  for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) {
    const { event } = fromBinary(WatchTransportResponseSchema, next.subarray(5));
    if (event.case === "gone") names.push(event.value.sessionId);
  }
  envelopes.end();
  return names;
}
