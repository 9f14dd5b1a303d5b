import { Code } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { defaultPolicy } from "../../../src/core/policy.ts";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { type ManualClock, manualClock } from "../../support/service/manual-clock.ts";
import { ChangingSessions, largeStates } from "../watches/changing-sessions.ts";
import {
  openHttpWatch,
  openRawWatch,
  type RawWatch,
  type Received,
  rawProtocols,
} from "../watches/raw-watch.ts";

const beach = "crowded";
/** Fewer than the handshakes that one manager may have in flight, for the states of others are small. */
const sessionIds = Array.from({ length: 30 }, (_, index) => `session-${index}`);
const overHttp = rawProtocols.filter((protocol) => protocol !== "gRPC");
const unavailable = { gRPC: "14", Connect: "unavailable", "gRPC-Web": "14" } as const;
/** Chunked encoding puts a length before each write, and line ends around it. */
const framingBytes = 16;

let clock: ManualClock;
let service: RunningService;
let sessions: ChangingSessions;
/** What libraries print by themselves goes past the log. */
const printed = vi.spyOn(console, "error");

beforeAll(async () => {
  clock = manualClock(Date.now());
  const policy = { ...defaultPolicy, negotiationTimeoutMs: 86_400_000 };
  service = await runService({ clock, policy, env: largeStates });
  sessions = new ChangingSessions(service);
  await Promise.all(sessionIds.map((id) => sessions.attach(id, beach)));
});

afterEach(async () => {
  await nothingIsLeft();
  expect(printed).not.toHaveBeenCalled();
});

afterAll(async () => {
  printed.mockRestore();
  await service[Symbol.asyncDispose]();
});

describe.each(rawProtocols)("a reader over %s", (protocol) => {
  test("that stops reading gets UNAVAILABLE and a delay, if it reads on", async () => {
    const reader = await openRawWatch(service, protocol, beach);
    await stall(reader);
    expect(await reader.readToEnd()).toMatchObject({
      code: unavailable[protocol],
      reason: "READER_STALLED",
      hasRetryInfo: true,
    });
  });

  test("that never reads on is reset", async () => {
    const reader = await openRawWatch(service, protocol, beach);
    await stall(reader);
    await clock.advance(5_000);
    await nothingIsLeft();
    expect(await reader.readToEnd()).toBe("reset");
  });

  test("that vanishes while it is written to leaves nothing hanging", async () => {
    const reader = await openRawWatch(service, protocol, beach);
    await sessions.fill(reader, sessionIds);
    const canceled = await callsEnded("Canceled");
    reader.destroy();
    await nothingIsLeft();
    expect(await callsEnded("Canceled")).toBe(canceled + 1);
  });

  test("that reads is not taken for one that does not, however long it lasts", async () => {
    const stalled = told("watch stream stalled");
    const transport = { gRPC: service.grpc, Connect: service.connect, "gRPC-Web": service.grpcWeb };
    const lease = service.client(ControllerLease, transport[protocol]);
    const leave = new AbortController();
    const { signal } = leave;
    let bookmarks = 0;
    const read = (async () => {
      for await (const { event } of lease.watchTransport({ sessionIds: ["none"] }, { signal })) {
        if (event.case === "bookmark") bookmarks += 1;
      }
    })();
    for (let wanted = 1; wanted <= 9; wanted++) {
      await vi.waitFor(() => expect(bookmarks).toBeGreaterThanOrEqual(wanted), patient);
      await clock.advance(15_000);
    }
    expect(told("watch stream stalled")).toBe(stalled);
    leave.abort();
    await expect(read).rejects.toMatchObject({ code: Code.Canceled });
  });
});

test("Bounded: for a reader over gRPC one message waits, and then the newest", async () => {
  const sessionId = await attachAlone("gRPC");
  const reader = await openRawWatch(service, "gRPC", sessionId);
  const changes = 51;
  for (let change = 0; change < changes; change++) await sessions.change(sessionId);
  const states = await reader.readUntil(shows(await versionOf(sessionId)));
  expect(states.map(({ message }) => message.coalesced)).toEqual([0, changes - 1]);
  reader.destroy();
});

test.each(overHttp)(
  "Bounded: for a reader over %s one buffer waits, and then the newest",
  async (protocol) => {
    const sessionId = await attachAlone(protocol);
    const first = await versionOf(sessionId);
    const reader = await openHttpWatch(service, protocol, sessionId);
    const { response } = reader;
    let writtenBefore: number | undefined;
    do {
      await sessions.fill(reader, [sessionId]);
      writtenBefore = response.socket?.bytesWritten;
      for (let change = 0; change < 10; change++) await sessions.change(sessionId);
    } while (response.socket?.bytesWritten !== writtenBefore);
    const waiting = response.writableLength;
    const newest = await versionOf(sessionId);
    const states = await reader.readUntil(shows(newest));
    const largest = Math.max(...states.map(({ bytes }) => bytes)) + framingBytes;
    expect(waiting).toBeLessThanOrEqual(response.writableHighWaterMark + largest);
    expect(states.at(-1)?.message.coalesced).toBeGreaterThanOrEqual(9);
    expect(BigInt(versionsIn(states))).toBe(newest - first + 1n);
    reader.destroy();
  },
);

/** A new session on a private beach of its own, which has the same name. */
async function attachAlone(name: string): Promise<string> {
  const sessionId = `alone-over-${name}`;
  await sessions.attach(sessionId, sessionId);
  return sessionId;
}

/** Lets time pass for a reader that is full until the service has given it up. */
async function stall(reader: RawWatch): Promise<void> {
  const before = told("watch stream stalled");
  while (told("watch stream stalled") === before) {
    await sessions.fill(reader, sessionIds);
    await clock.advance(1_000);
  }
}

async function versionOf(sessionId: string): Promise<bigint> {
  const listed = await service.registry.listSessions({ privateBeachId: sessionId });
  return listed.sessions[0]?.transport?.version ?? 0n;
}

function shows(version: bigint): (message: Received["message"]) => boolean {
  return ({ event }) => event.case === "state" && event.value.version === version;
}

/** How many versions the states stand for: their own, and those merged into them. */
function versionsIn(received: readonly Received[]): number {
  const states = received.filter(({ message }) => message.event.case === "state");
  return states.reduce((sum, { message }) => sum + 1 + message.coalesced, 0);
}

function told(msg: string): number {
  return service.log.filter((line) => line.msg === msg).length;
}

/** No stream is open, and every call that began has been counted as ended. */
async function nothingIsLeft(): Promise<void> {
  await vi.waitFor(async () => {
    const open = (await scrape()).match(/^lease_watch_streams\{.*\} \d+$/gm) ?? [];
    expect(open).not.toEqual([]);
    expect(open.filter((line) => !line.endsWith(" 0"))).toEqual([]);
    expect(await callsEnded()).toBe(told("watch stream opened"));
  }, patient);
}

/** Watches that ended with the code, or with any. */
async function callsEnded(code?: keyof typeof Code): Promise<number> {
  const counted = (await scrape()).matchAll(
    /^lease_calls_total\{.*method="WatchTransport",code="(?<code>\w+)"\} (?<count>\d+)$/gm,
  );
  return [...counted]
    .filter(({ groups }) => code === undefined || groups?.code === code)
    .reduce((sum, { groups }) => sum + Number(groups?.count), 0);
}

async function scrape(): Promise<string> {
  return await (await fetch(service.opsUrl("/metrics"))).text();
}
