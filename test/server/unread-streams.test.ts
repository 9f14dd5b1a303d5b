import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { defaultPolicy } from "../../src/core/policy.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { type RunningService, runService } from "../support/run-service.ts";
import { openRawWatch, rawProtocols } from "./raw-watch.ts";

const beach = "crowded";
/** More than loopback sockets hold for a reader that does not read, about 4 MB. */
const sessions = 4_000;
/** What a peer takes of a stream unread, unless it says otherwise (RFC 9113 §6.9.2). */
const http2Window = 65_535;
const unavailable = { gRPC: "14", Connect: "unavailable", "gRPC-Web": "14" } as const;

let clock: ManualClock;
let service: RunningService;

/** What libraries print by themselves goes past the log. */
const printed = vi.spyOn(console, "error");

beforeAll(async () => {
  clock = manualClock(Date.now());
  const policy = { ...defaultPolicy, negotiationTimeoutMs: 86_400_000 };
  service = await runService({ clock, policy });
  await Promise.all(Array.from({ length: sessions }, (_, index) => attachLarge(index, beach)));
}, 60_000);

afterEach(() => {
  expect(printed).not.toHaveBeenCalled();
});

afterAll(async () => {
  printed.mockRestore();
  await service[Symbol.asyncDispose]();
});

describe.each(rawProtocols)("a reader over %s", (protocol) => {
  test("that stops reading is told UNAVAILABLE and when to come back, if it reads on", async () => {
    const reader = await openRawWatch(service, protocol, beach);
    await until("watch stream stalled");
    const end = reader.readToEnd();
    expect(await end).toEqual({
      code: unavailable[protocol],
      reason: "READER_STALLED",
      hasRetryInfo: true,
    });
    await nothingIsLeft();
  }, 60_000);

  test("that never reads on is broken off", async () => {
    const reader = await openRawWatch(service, protocol, beach);
    await until("watch stream stalled");
    await clock.advance(5_000);
    await nothingIsLeft();
    expect(await reader.readToEnd()).toBe("reset");
  }, 60_000);

  test("that vanishes while it is written to leaves nothing hanging", async () => {
    const reader = await openRawWatch(service, protocol, beach);
    await clock.advance(30_000);
    reader.destroy();
    await nothingIsLeft();
  }, 60_000);
});

test("for a reader over gRPC one message waits beside what HTTP/2 has taken, and then the newest", async () => {
  const own = "beach-of-one";
  await attachLarge(sessions, own);
  const reader = await openRawWatch(service, "gRPC", own);
  const sessionId = largeId(sessions);
  for (let change = 0; change < 50; change++) {
    const { controllerToken } = await service.lease.acquire({ sessionId, reason: "other" });
    await service.lease.release({ sessionId, controllerToken });
  }
  const { transport } = await service.lease.acquire({ sessionId, reason: "other" });
  const told = await reader.readUntil(
    ({ event }) => event.case === "state" && event.value.version === transport?.version,
  );
  const last = told.pop();
  expect(last?.message.coalesced).toBeGreaterThan(0);
  const sizes = told.map(({ bytes }) => bytes);
  const inWaiting = sizes.reduce((sum, bytes) => sum + bytes, 0) - http2Window;
  expect(inWaiting).toBeGreaterThan(0);
  expect(inWaiting).toBeLessThanOrEqual(Math.max(...sizes));
  reader.destroy();
  await nothingIsLeft();
});

test("a reader that reads is not taken for one that does not, however long it lasts", async () => {
  const leave = new AbortController();
  const { signal } = leave;
  const seen: string[] = [];
  const read = (async () => {
    for await (const { event } of service.lease.watchTransport({ sessionIds: ["s"] }, { signal })) {
      seen.push(event.case ?? "");
    }
  })();
  await vi.waitFor(() => expect(seen).toEqual(["gone", "bookmark"]));
  await clock.advance(120_000);
  leave.abort();
  await expect(read).rejects.toThrow("aborted");
  expect(seen.length).toBeGreaterThan(8);
  await nothingIsLeft();
});

function largeId(index: number): string {
  return `session-${index}-`.padEnd(128, "s");
}

/** A session whose state takes two kilobytes. */
async function attachLarge(index: number, privateBeachId: string): Promise<void> {
  const sessionId = largeId(index);
  await service.registry.attachSession({
    sessionId,
    privateBeachId,
    managerUrl: `http://127.0.0.1:${1000 + Math.floor(index / 50)}/`.padEnd(1024, "u"),
    requiredChannels: Array.from({ length: 8 }, (_, label) => `mgr-${label}-`.padEnd(64, "c")),
  });
  await service.lease.acquire({ sessionId, reason: "tile" });
}

/** Lets time pass until the log says so, and real sockets their own time to fill meanwhile. */
async function until(msg: string): Promise<void> {
  const before = lines(msg);
  await vi.waitFor(
    async () => {
      if (lines(msg) === before) await clock.advance(1_000);
      expect(lines(msg)).toBe(before + 1);
    },
    { timeout: 40_000, interval: 20 },
  );
}

function lines(msg: string): number {
  return service.log.filter((line) => line.msg === msg).length;
}

/** No stream is open, and every call that began has been counted as ended. */
async function nothingIsLeft(): Promise<void> {
  await vi.waitFor(async () => {
    const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
    expect(metrics).toContain("lease_watch_streams 0");
    const ended = metrics.matchAll(/^lease_calls_total\{.*method="WatchTransport".*\} (\d+)$/gm);
    const calls = [...ended].reduce((sum, [, count]) => sum + Number(count), 0);
    expect(calls).toBe(lines("watch stream opened"));
  }, 30_000);
}
