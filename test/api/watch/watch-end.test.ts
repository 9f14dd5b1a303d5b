import { expect, test } from "vitest";

import type { WatchTransportResponse } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { serviceUnderTest } from "../../support/service/session-service.ts";
import { dependenciesFor, inMemory } from "../api-under-test.ts";
import { refusalOf } from "../expect-refusal.ts";

test("WatchTransport ends with UNAVAILABLE after it has said when to come back", async () => {
  await using under = await serviceUnderTest();
  const { lease } = inMemory(dependenciesFor(under.service));
  const seen: WatchTransportResponse[] = [];
  const read = async (): Promise<void> => {
    for await (const message of lease.watchTransport({ sessionIds: ["s-1"] })) {
      seen.push(message);
      if (message.event.case === "bookmark") under.service.drain();
    }
  };
  expect(await refusalOf(read())).toMatchObject({ code: "Unavailable" });
  expect(seen.map(({ event }) => event.case)).toEqual(["gone", "bookmark", "draining"]);
});

test("WatchTransport stops watching when its reader leaves", async () => {
  await using under = await serviceUnderTest();
  const { lease } = inMemory(dependenciesFor(under.service));
  const reader = new AbortController();
  const { signal } = reader;
  const read = async (): Promise<void> => {
    for await (const _message of lease.watchTransport({ sessionIds: ["s-1"] }, { signal })) {
      reader.abort();
    }
  };
  expect(await refusalOf(read())).toMatchObject({ code: "Canceled" });
  const open = under.seen.flatMap((event) => (event.kind === "watch" ? [event.open] : []));
  expect(open).toEqual([1, 0]);
});

test("WatchTransport is UNAVAILABLE while the store is away, and says when to try again", async () => {
  await using under = await serviceUnderTest();
  const { lease } = inMemory(dependenciesFor(under.service));
  await under.store[Symbol.asyncDispose]();
  const read = async (): Promise<void> => {
    for await (const _message of lease.watchTransport({ sessionIds: ["s-1"] }));
  };
  expect(await refusalOf(read())).toMatchObject({
    code: "Unavailable",
    reason: "STORE_UNAVAILABLE",
    retryable: true,
  });
});
