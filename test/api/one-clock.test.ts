import { timestampMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";

import { ConnectionState, TransportPath } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { manualClock } from "../support/service/manual-clock.ts";
import { type ServiceUnderTest, serviceUnderTest } from "../support/service/session-service.ts";
import { type DoorClients, dependenciesFor, inMemory } from "./api-under-test.ts";
import { beach, readyReport } from "./conformance/conformance-subject.ts";

const sessionId = "s1";
const hour = 3_600_000;
const year = 365 * 24 * hour;
const wallClocks: readonly [string, number, number][] = [
  ["that nobody touches", Date.parse("2026-01-02T03:04:05Z"), 0],
  ["that began in 2000 and was corrected", Date.parse("2000-01-01T00:00:00Z"), 26 * year],
  ["that began in 2040 and was corrected", Date.parse("2040-01-01T00:00:00Z"), -14 * year],
  ["that is stepped by eight hours", Date.parse("2026-01-02T03:04:05Z"), 8 * hour],
  ["that is stepped back by eight hours", Date.parse("2026-01-02T03:04:05Z"), -8 * hour],
];

/** Every moment in a message, by its path. */
function momentsIn(value: unknown, path = ""): readonly (readonly [string, number])[] {
  if (typeof value !== "object" || value === null) return [];
  if ("$typeName" in value && value.$typeName === "google.protobuf.Timestamp") {
    return [[path, timestampMs(value as unknown as Parameters<typeof timestampMs>[0])]];
  }
  return Object.entries(value).flatMap(([name, part]) => momentsIn(part, `${path}.${name}`));
}

/** What people count by: a moment, and beside it the same as a duration. */
const countdowns: Readonly<Record<string, string>> = {
  expiresAt: "expiresIn",
  confirmBy: "confirmIn",
  honouredUntil: "honouredFor",
  nextNegotiationAt: "nextNegotiationIn",
};

interface Part {
  readonly [name: string]: unknown;
}

/** Every countdown in a message: what remains by its moment, and by its duration. */
function countdownsIn(
  value: unknown,
  wall: number,
): readonly (readonly [string, number, unknown])[] {
  if (typeof value !== "object" || value === null) return [];
  const part = value as Part;
  const here = Object.entries(countdowns).flatMap(([at, within]) => {
    const [moment] = momentsIn(part[at]);
    return moment === undefined
      ? []
      : [[at, Math.max(0, moment[1] - wall), inMs(part[within])] as const];
  });
  return [...here, ...Object.values(part).flatMap((inner) => countdownsIn(inner, wall))];
}

function inMs(duration: unknown): unknown {
  if (typeof duration !== "object" || duration === null) return duration;
  const { seconds, nanos } = duration as { seconds: bigint; nanos: number };
  return Number(seconds) * 1000 + nanos / 1_000_000;
}

/** All answers of one life: negotiating, in use, replaced, and waiting to negotiate. */
class Life {
  readonly under: ServiceUnderTest;
  readonly clients: DoorClients;
  readonly seen: Set<string> = new Set();
  #token = "";

  constructor(under: ServiceUnderTest) {
    this.under = under;
    this.clients = inMemory(dependenciesFor(under.service));
  }

  /** Each answer is on the wall clock of now, and says the same twice. */
  receive<T>(answer: T): T {
    const wall = this.under.clock.wall();
    for (const [path, moment] of momentsIn(answer)) {
      this.seen.add(path.split(".").at(-1) ?? "");
      expect(Math.abs(moment - wall), path).toBeLessThan(hour);
    }
    for (const [path, byMoment, byDuration] of countdownsIn(answer, wall)) {
      expect(byDuration, path).toBe(byMoment);
    }
    return answer;
  }

  async begin(): Promise<void> {
    const { registry, lease } = this.clients;
    this.receive(await registry.attachSession({ sessionId, privateBeachId: beach }));
    this.#token = this.receive(await lease.acquire({ sessionId })).controllerToken;
  }

  async receiveAll(): Promise<void> {
    const { lease, registry } = this.clients;
    const controllerToken = this.#token;
    this.receive(await lease.renew({ sessionId, controllerToken }));
    this.receive(await lease.acquire({ sessionId }));
    this.receive(await registry.listSessions({}));
    this.receive(await registry.checkLease({ sessionId, controllerToken }));
    this.receive(await registry.checkHandshake({ sessionId, handshakeId: "any" }));
    for await (const answer of lease.keepAlive(
      once({ renewals: [{ sessionId, controllerToken }] }),
    )) {
      this.receive(answer);
    }
    for await (const message of lease.watchTransport({ sessionIds: [sessionId] })) {
      this.receive(message);
      break;
    }
  }

  async promote(): Promise<void> {
    const { lease, registry } = this.clients;
    const { transport } = await lease.renew({ sessionId, controllerToken: this.#token });
    const handshakeId = transport?.negotiation?.handshakeId ?? "";
    await registry.reportTransport({ reports: [readyReport(sessionId, handshakeId)] });
  }

  async lose(): Promise<void> {
    const { registry } = this.clients;
    const { transport } = await registry.checkHandshake({ sessionId, handshakeId: "any" });
    const report = readyReport(sessionId, transport?.handshakeId ?? "");
    await registry.reportTransport({
      reports: [{ ...report, connection: ConnectionState.FAILED, channels: [] }],
    });
  }

  async replace(): Promise<void> {
    const request = { sessionId, controllerToken: this.#token, reason: 4 };
    this.receive(await this.clients.lease.renegotiate(request));
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

describe.each(wallClocks)("on a wall clock %s", (_, start, byMs) => {
  test("every moment shown is on that clock, beside a duration", async () => {
    await using under = await serviceUnderTest({ clock: manualClock(start) });
    const life = new Life(under);
    await life.begin();
    await life.receiveAll();
    under.clock.stepWall(byMs);
    await life.receiveAll();
    await life.promote();
    await under.clock.advance(3_000);
    await life.replace();
    await life.receiveAll();
    await life.promote();
    await life.receiveAll();
    // The second death in a row is backed off from.
    for (let death = 0; death < 2; death += 1) {
      await life.lose();
      await life.receiveAll();
      await life.promote();
    }
    await life.lose();
    await life.receiveAll();
    expect([...life.seen].toSorted()).toEqual([
      "confirmBy",
      "expiresAt",
      "honouredUntil",
      "issuedAt",
      "lastChangeAt",
      "nextNegotiationAt",
      "promotedAt",
      "startedAt",
    ]);
  });
});

test("an instant shown again reads the same, until the wall clock is stepped", async () => {
  await using under = await serviceUnderTest({ clock: manualClock(Date.parse("2026-01-02")) });
  const life = new Life(under);
  await life.begin();
  await life.promote();
  const promotedAt = async (): Promise<number | undefined> => {
    const { transport } = await life.clients.registry.checkHandshake({
      sessionId,
      handshakeId: "any",
    });
    expect(transport?.path).toBe(TransportPath.FAST_PATH);
    return transport?.promotedAt && timestampMs(transport.promotedAt);
  };
  const received = await promotedAt();
  for (let turn = 0; turn < 20; turn += 1) {
    under.clock.stepWall(turn % 2 === 0 ? 40 : -40);
    await under.clock.advance(37);
    expect(await promotedAt()).toBe(received);
  }
  under.clock.stepWall(8 * hour);
  expect(await promotedAt()).toBe((received ?? 0) + 8 * hour);
});
