import { expect, it } from "vitest";

import { BearerEnded, type WatchMessage } from "../../../src/service/lease-service.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../../support/service/session-service.ts";
import { named, type Reader, watch } from "../../support/service/watching.ts";

const second = 1_000;

/** A watch of s1 by a bearer with so long to live, at its first bookmark. */
async function opened(under: ServiceUnderTest, lifeMs: number): Promise<Reader> {
  await under.service.execute("s1", attach);
  const bearerEndsAt = under.clock.wall() + lifeMs;
  const reader = watch(under.service, { ...named("s1"), bearerEndsAt });
  await reader.untilBookmark();
  return reader;
}

/** The next message that is no sign of life, and when it came; time moves on until then. */
async function nextNews(
  { clock }: ServiceUnderTest,
  reader: Reader,
): Promise<{ readonly message: WatchMessage; readonly afterMs: number }> {
  const from = clock.now();
  for (;;) {
    let isOver = false;
    const next = reader.next().finally(() => {
      isOver = true;
    });
    // Whether this fails is of interest where it is awaited.
    next.catch(() => undefined);
    for (let tick = 0; tick < 200 && !isOver; tick += 1) await clock.advance(second);
    const message = await next;
    if (message.kind !== "bookmark") return { message, afterMs: clock.now() - from };
  }
}

it("warns 30 s before the bearer ends, once, and ends 30 s after it", async () => {
  await using under = await serviceUnderTest();
  await using reader = await opened(under, 300 * second);
  const { message, afterMs } = await nextNews(under, reader);
  expect(message).toEqual({ kind: "bearer_expiring", expiresInMs: 30 * second });
  expect(afterMs).toBe(270 * second);
  const from = under.clock.now();
  await expect(nextNews(under, reader)).rejects.toThrow(BearerEnded);
  expect(under.clock.now() - from).toBe(60 * second);
});

it("warns after half of the time where that is short", async () => {
  await using under = await serviceUnderTest();
  await using reader = await opened(under, 20 * second);
  const { message, afterMs } = await nextNews(under, reader);
  expect(message).toEqual({ kind: "bearer_expiring", expiresInMs: 10 * second });
  expect(afterMs).toBe(10 * second);
});

it("leaves a reader without a bearer alone", async () => {
  await using under = await serviceUnderTest();
  await under.service.execute("s1", attach);
  await using reader = watch(under.service, named("s1"));
  await reader.untilBookmark();
  for (let bookmark = 0; bookmark < 20; bookmark += 1) {
    const next = reader.next();
    await under.clock.advance(15 * second);
    expect(await next).toMatchObject({ kind: "bookmark" });
  }
});
