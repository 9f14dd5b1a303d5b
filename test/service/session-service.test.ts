import { describe, expect, it } from "vitest";
import type { Renew, Report } from "../../src/core/command.ts";
import type { SessionEvent } from "../../src/core/event.ts";
import type { Outcome } from "../../src/service/lease-service.ts";
import { gapsMax } from "../../src/service/session-store.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { acquireCommand, readyReport } from "../support/service/commands.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../support/service/session-service.ts";
import { storeFolder } from "../support/store/store-files.ts";

describe("SessionService", () => {
  it("Single: renewals that arrive together start one handshake and join it", async () => {
    await using under = await serviceUnderTest();
    const tokens = await acquireSeveral(under, 3);
    await under.clock.advance(16_000);
    const outcomes = await Promise.all(tokens.map((token) => renew(under, token)));
    const answers = outcomes.map((outcome) => accepted(outcome).answer.negotiation);
    expect(answers.map((answer) => answer.outcome === "renegotiate" && answer.joined)).toEqual([
      false,
      true,
      true,
    ]);
  });

  it("two first acquires of one key take one lease", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    const acquired = await Promise.all([acquire(under, "tile"), acquire(under, "tile")]);
    expect(new Set(acquired.map((outcome) => accepted(outcome).answer.lease.id)).size).toBe(1);
  });

  it("Held: a lease that nobody renews ends at its expiry by itself, and stays ended", async () => {
    await using under = await serviceUnderTest();
    const [token = ""] = await acquireSeveral(under, 1);
    await under.clock.advance(29_999);
    expect(ended(under)).toEqual([]);
    await under.clock.advance(1);
    expect(ended(under)).toEqual(["expired"]);
    expect(await renew(under, token)).toMatchObject({
      refusal: { reason: "LEASE_NOT_LIVE", endedBy: "expired" },
    });
  });

  it("Undisturbed: renewing over a usable fast path leaves the transport as it was", async () => {
    await using under = await serviceUnderTest();
    const [token = ""] = await acquireSeveral(under, 1);
    const before = await promote(under);
    for (let renewal = 0; renewal < 10; renewal++) {
      await under.clock.advance(5_000);
      await under.service.execute("s1", managerReady(under, renewal + 2));
      expect(accepted(await renew(under, token)).answer.negotiation.outcome).toBe("refresh");
    }
    const after = await under.store.load("s1");
    if (after?.kind !== "attached") throw new Error("the session is gone");
    expect(after.transport.generation).toBe(before.transport.generation);
    expect(after.version).toBe(before.version);
    expect(handshakesStarted(under)).toBe(1);
  });

  it("Durable: a stalled loop ends nothing that was live when it stopped", async () => {
    await using under = await serviceUnderTest();
    const [token = ""] = await acquireSeveral(under, 1);
    await under.clock.advance(10_000);
    await under.clock.jump(60_000);
    expect(under.seen.filter((event) => event.kind === "gap")).toMatchObject([
      { gap: { kind: "stall", number: 1 } },
    ]);
    const outcome = accepted(await renew(under, token));
    expect(outcome.answer.lease.expiresAt).toBeGreaterThan(under.clock.now());
    expect(ended(under)).toEqual([]);
  });

  it("Durable: a thousand transitions that come together share one fsync", async () => {
    await using folder = await storeFolder();
    const written: number[] = [];
    await using store = await folder.open({
      observe: ({ sessions }) => written.push(sessions),
    });
    await using under = await serviceUnderTest({ store });
    const attaching = Array.from({ length: 1_000 }, (_, index) =>
      under.service.execute(`s${index}`, attach),
    );
    await Promise.all(attaching);
    expect(written).toEqual([1_000]);
  });

  it("a gap is taken up once, by a session that is loaded much later too", async () => {
    await using under = await serviceUnderTest();
    await acquireSeveral(under, 1);
    await under.clock.jump(5_000);
    await under.clock.advance(100_000);
    expect(gapsTaken(under)).toBe(1);
    expect(ended(under)).toEqual(["expired"]);
  });

  it("no gap that the store remembers is forgotten by the service", async () => {
    const store = memoryStore();
    const gap = { from: 1_000_000, until: 1_002_000, kind: "stall" } as const;
    {
      await using before = await serviceUnderTest({ store });
      await before.service.execute("s1", attach);
    }
    for (let count = 1; count < gapsMax; count++) await store.recordGap(gap);
    await using under = await serviceUnderTest({ store });
    await under.clock.jump(60_000);
    await under.service.execute("s1", { kind: "PassTime" });
    expect(gapsTaken(under)).toBe(gapsMax);
  });

  it("counts the fleet without scanning it", async () => {
    await using under = await serviceUnderTest();
    await acquireSeveral(under, 2);
    expect(await under.service.summarize(undefined)).toMatchObject({
      sessions: 1,
      liveLeases: 2,
      pending: 1,
      negotiationsInFlight: 1,
      renewalsLastMinute: 2,
      renegotiationsLastHour: 1,
    });
    await promote(under);
    expect(await under.service.summarize("beach-1")).toMatchObject({ fastPath: 1, pending: 0 });
    expect(await under.service.summarize("another")).toMatchObject({ sessions: 0 });
    await under.service.execute("s1", { kind: "Detach", reason: "over" });
    expect(await under.service.summarize(undefined)).toMatchObject({ sessions: 0, liveLeases: 0 });
  });

  it("limits the negotiations of one manager over all sessions", async () => {
    await using under = await serviceUnderTest({ policy: { negotiationsPerManagerMax: 2 } });
    const outcomes: string[] = [];
    for (const id of ["s1", "s2", "s3"]) {
      await under.service.execute(id, attach);
      const outcome = accepted(await acquire(under, "tile", id));
      outcomes.push(outcome.answer.negotiation.outcome);
    }
    expect(outcomes).toEqual(["renegotiate", "renegotiate", "refresh"]);
  });

  it("detaches a session that nobody uses for long, and not one that is watched", async () => {
    await using under = await serviceUnderTest({ policy: { sessionIdleMs: 60_000 } });
    await under.service.execute("s1", attach);
    await under.service.execute("s2", attach);
    const stop = new AbortController();
    const stream = under.service.watch(
      {
        sessions: { kind: "named", ids: ["s2"] },
        knownVersions: new Map(),
        reader: "onlooker",
      },
      stop.signal,
    );
    const reading = (async () => {
      for await (const _ of stream);
    })();
    await under.clock.advance(61_000);
    expect((await under.store.load("s1"))?.kind).toBe("detached");
    expect((await under.store.load("s2"))?.kind).toBe("attached");
    stop.abort();
    await reading;
  });
});

type Renewed = Outcome<Renew>;

function accepted(outcome: Renewed): Extract<Renewed, { kind: "accepted" }> {
  if (outcome.kind === "refused") throw new Error(`refused: ${outcome.refusal.reason}`);
  return outcome;
}

async function acquire(under: ServiceUnderTest, reason: string, id = "s1"): Promise<Renewed> {
  return under.service.execute(id, acquireCommand(under.service, reason));
}

async function acquireSeveral(under: ServiceUnderTest, count: number): Promise<string[]> {
  await under.service.execute("s1", attach);
  const tokens: string[] = [];
  for (let index = 0; index < count; index++) {
    const { lease } = accepted(await acquire(under, `tile-${index}`)).answer;
    tokens.push(under.service.tokens.of(lease.id, lease.tokenHashes));
  }
  return tokens;
}

async function renew(under: ServiceUnderTest, token: string): Promise<Renewed> {
  const tokenHash = under.service.tokens.hash(token);
  return under.service.execute("s1", {
    kind: "Renew",
    tokenHash,
    ttlMs: undefined,
    leaseOnly: false,
  });
}

function managerReady(under: ServiceUnderTest, sequence: number): Report {
  const started = under.seen.findLast(
    (event) => event.kind === "happened" && event.event.kind === "HandshakeStarted",
  );
  const event = started?.kind === "happened" ? started.event : undefined;
  return readyReport(event?.kind === "HandshakeStarted" ? event.handshake.id : "", sequence);
}

async function promote(under: ServiceUnderTest) {
  await under.service.execute("s1", managerReady(under, 1));
  const session = await under.store.load("s1");
  if (session?.kind !== "attached" || session.transport.path.kind !== "active") {
    throw new Error("the handshake was not promoted");
  }
  return session;
}

function ended(under: ServiceUnderTest): string[] {
  return under.seen.flatMap((event) =>
    event.kind === "happened" && event.event.kind === "LeaseEnded" ? [event.event.endedBy] : [],
  );
}

function handshakesStarted(under: ServiceUnderTest): number {
  return count(under, "HandshakeStarted");
}

function gapsTaken(under: ServiceUnderTest): number {
  return count(under, "GapTaken");
}

function count(under: ServiceUnderTest, kind: SessionEvent["kind"]): number {
  return under.seen.filter((event) => event.kind === "happened" && event.event.kind === kind)
    .length;
}
