import { create, fromBinary, fromJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";

import { presentAges } from "../../../src/api/transport/present-transport.ts";
import { EncodedMessages, presentMessage } from "../../../src/api/watch/watch-message.ts";
import type { Session } from "../../../src/core/session.ts";
import { nextOf } from "../../../src/core/view.ts";
import {
  type WatchTransportResponse,
  WatchTransportResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { WatchMessage } from "../../../src/service/lease-service.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../../support/service/session-service.ts";
import { acquire } from "../../support/service/watching.ts";

const formats = ["binary", "json"] as const;

test.each(formats)("what is encoded as %s reads as what is presented", async (format) => {
  await using under = await serviceUnderTest();
  const encoded = new EncodedMessages(under.service);
  const states: WatchMessage[] = [];
  for await (const session of manyStates(under)) {
    states.push({ kind: "state", session, coalesced: 0 }, { kind: "state", session, coalesced: 3 });
    for (const message of states) {
      expect(read(encoded.encode(message, format), format)).toEqual(presented(message, under));
    }
  }
  expect(states).toHaveLength(12);
  expect(states.map(nextNegotiation)).toContainEqual(expect.anything());
  const others: readonly WatchMessage[] = [
    { kind: "gone", sessionId: "s1", reason: "over", coalesced: 2 },
    { kind: "gone", sessionId: "s".repeat(128), reason: "vorüber", coalesced: 0 },
    { kind: "bookmark", repeatsEveryMs: 15_000 },
    { kind: "draining", reconnectAfterMs: 1_234 },
  ];
  for (const message of others) {
    expect(read(encoded.encode(message, format), format)).toEqual(presented(message, under));
  }
});

test.each(formats)("readers of one change share its bytes as %s", async (format) => {
  await using under = await serviceUnderTest();
  const encoded = new EncodedMessages(under.service);
  const session = await promoted(under);
  const first = encoded.encode({ kind: "state", session, coalesced: 0 }, format);
  expect(encoded.encode({ kind: "state", session, coalesced: 0 }, format)).toBe(first);
});

test("the parts that do not age are serialised once for all binary readers", async () => {
  await using under = await serviceUnderTest();
  const encoded = new EncodedMessages(under.service);
  let lookedAt = 0;
  const session = new Proxy(await promoted(under), {
    get(target, name) {
      if (name === "lastChange") lookedAt += 1;
      return Reflect.get(target, name);
    },
  });
  for (let reader = 0; reader < 100; reader++) {
    await under.clock.advance(1);
    encoded.encode({ kind: "state", session, coalesced: reader }, "binary");
  }
  expect(lookedAt).toBe(1);
});

test.each(formats)(
  "ages are as of each message, also of one whose bytes are shared, as %s",
  async (format) => {
    await using under = await serviceUnderTest();
    const encoded = new EncodedMessages(under.service);
    const session = await promoted(under);
    const ages: unknown[] = [];
    for (let reader = 0; reader < 3; reader++) {
      const bytes = encoded.encode({ kind: "state", session, coalesced: reader % 2 }, format);
      const { event } = read(bytes, format);
      const state = event.case === "state" ? event.value : undefined;
      ages.push([state?.evidenceAge, ...(state?.ends.map(({ age }) => age) ?? [])].map(inMs));
      await under.clock.advance(250);
    }
    expect(ages).toEqual([
      [0, 0],
      [250, 250],
      [500, 500],
    ]);
  },
);

test.each(formats)(
  "moments are told by the wall clock of each message, kept bytes or not, as %s",
  async (format) => {
    await using under = await serviceUnderTest();
    const encoded = new EncodedMessages(under.service);
    const message: WatchMessage = { kind: "state", session: await promoted(under), coalesced: 0 };
    const kept = encoded.encode(message, format);
    under.clock.stepWall(3_600_000);
    expect(read(encoded.encode(message, format), format)).toEqual(presented(message, under));
    expect(read(encoded.encode(message, format), format)).not.toEqual(read(kept, format));
    under.clock.stepWall(-3_600_000);
    expect(read(encoded.encode(message, format), format)).toEqual(read(kept, format));
  },
);

function nextNegotiation(message: WatchMessage): unknown {
  if (message.kind !== "state") return undefined;
  const { at } = message.session.lastChange;
  return presentAges(message.session, { now: () => at, toWall: (received) => received })
    .nextNegotiationAt;
}

function inMs(duration: Parameters<typeof durationMs>[0] | undefined): number | undefined {
  return duration && durationMs(duration);
}

/** The message in an envelope, in which no flag is set. */
function read(envelope: Buffer, format: "binary" | "json"): WatchTransportResponse {
  expect(envelope.readUInt8(0)).toBe(0);
  const bytes = envelope.subarray(5);
  expect(envelope.readUInt32BE(1)).toBe(bytes.length);
  return format === "json"
    ? fromJsonString(WatchTransportResponseSchema, bytes.toString())
    : fromBinary(WatchTransportResponseSchema, bytes);
}

function presented(message: WatchMessage, { service }: ServiceUnderTest): WatchTransportResponse {
  const shown: MessageInitShape<typeof WatchTransportResponseSchema> = presentMessage(
    message,
    service,
  );
  return create(WatchTransportResponseSchema, shown);
}

/** A session as it goes on: attached, negotiating, in use, in trouble, waiting to negotiate. */
async function* manyStates(under: ServiceUnderTest): AsyncGenerator<Session> {
  await under.service.execute("s1", attach);
  yield await current(under);
  await acquire(under, "s1", "tile");
  yield await current(under);
  await under.clock.advance(15_000);
  yield await current(under);
  await under.clock.advance(2_000);
  yield await promoted(under);
  await under.clock.advance(12_345);
  yield await current(under);
  await under.clock.advance(60_000);
  yield await current(under);
}

async function current({ service }: ServiceUnderTest): Promise<Session> {
  const record = await service.find("s1");
  if (record?.kind !== "attached") throw new Error("the session is gone");
  return record;
}

/** The session with a fast path that the manager has just reported. */
async function promoted(under: ServiceUnderTest): Promise<Session> {
  await under.service.execute("s1", attach);
  await acquire(under, "s1", "tile");
  const negotiating = await current(under);
  await under.service.execute("s1", {
    kind: "Report",
    end: "manager",
    handshakeId: nextOf(negotiating.transport.path)?.id ?? "",
    transportId: "peer-1",
    connection: "connected",
    readyChannels: ["mgr-actions"],
    openingChannels: [],
    oldestUnackedMs: 0,
    reporterId: "manager-1",
    sequence: 1,
    observedAgeMs: 0,
    generation: 0,
  });
  return current(under);
}
