import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { type ConnectionObservation, TransportReporter } from "../../../src/client/host.ts";
import type {
  ReportTransportRequest,
  ReportVerdictSchema,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ChannelState,
  ConnectionState,
  HandshakeStanding,
  TransportEnd,
  type TransportReport,
  TransportStateSchema,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { createQueue, serveReports } from "../scripted-service.ts";

type Verdict = MessageInitShape<typeof ReportVerdictSchema>;

const sessionId = "session-1";
const anHourMs = 3_600_000;
const up: ConnectionObservation = {
  connection: ConnectionState.CONNECTED,
  channels: [{ label: "mgr-actions", state: ChannelState.READY, oldestUnackedMs: 40 }],
};
const closed: ConnectionObservation = { connection: ConnectionState.CLOSED, channels: [] };

interface Held {
  now: ConnectionObservation;
}

/** A reporter whose pace is an hour, so that every report seen has another cause. */
function report(verdictOf: (report: TransportReport, call: number) => Verdict) {
  const received = createQueue<readonly TransportReport[]>();
  const called = createQueue<string>();
  let calls = 0;
  const transport = serveReports(({ reports }: ReportTransportRequest) => {
    calls += 1;
    received.push(reports);
    return {
      verdicts: reports.map((one) => verdictOf(one, calls)),
      reportEvery: durationFromMs(anHourMs),
    };
  });
  const reporter = new TransportReporter({
    transport,
    end: TransportEnd.MANAGER,
    reportEveryMs: anHourMs,
    onRetired: ({ handshakeId }) => called.push(`retired ${handshakeId}`),
    onSessionUnknown: async (id) => called.push(`attach ${id}`),
    backoff: { nextMs: () => 0, reset: () => undefined },
  });
  const hold = (handshakeId: string, transportId = `${handshakeId}-1`): Held => {
    const held = { now: up };
    reporter.hold({ sessionId, handshakeId, transportId, observe: () => held.now });
    return held;
  };
  reporter.start();
  return { reporter, received, called, hold, [Symbol.asyncDispose]: () => reporter.stop() };
}

const { IN_FLIGHT, PROMOTED, RETIRED, UNKNOWN, ABANDONED, LINGERING } = HandshakeStanding;

test("a report is whole, numbered, and in the name of one run of the process", async () => {
  await using beach = report(() => ({ standing: IN_FLIGHT }));
  beach.hold("a");
  const [first] = await beach.received.next();
  expect(first).toMatchObject({
    sessionId,
    handshakeId: "a",
    transportId: "a-1",
    end: TransportEnd.MANAGER,
    connection: ConnectionState.CONNECTED,
    reporterId: beach.reporter.reporterId,
    generation: 0n,
  });
  expect(first?.channels[0]?.oldestUnackedAge).toEqual(durationFromMs(40));
  beach.reporter.changed();
  const [second] = await beach.received.next();
  expect([first?.sequence, second?.sequence]).toEqual([1n, 2n]);
});

test("a change is reported at once, whatever the pace", async () => {
  await using beach = report(() => ({ standing: IN_FLIGHT }));
  const held = beach.hold("a");
  expect((await beach.received.next())[0]?.connection).toBe(ConnectionState.CONNECTED);
  held.now = { ...up, connection: ConnectionState.DISCONNECTED };
  beach.reporter.changed();
  expect((await beach.received.next())[0]?.connection).toBe(ConnectionState.DISCONNECTED);
});

test("reports come at the pace that the service asks for", async () => {
  const received = createQueue<readonly TransportReport[]>();
  const transport = serveReports(({ reports }) => {
    received.push(reports);
    return { verdicts: reports.map(() => ({})), reportEvery: durationFromMs(60) };
  });
  const end = TransportEnd.MANAGER;
  const onRetired = () => undefined;
  const reporter = new TransportReporter({ transport, end, reportEveryMs: anHourMs, onRetired });
  reporter.hold({ sessionId, handshakeId: "a", transportId: "a-1", observe: () => up });
  reporter.start();
  for (let round = 1; round <= 3; round += 1) expect(await received.next()).toHaveLength(1);
  await reporter.stop();
});

describe("a verdict", () => {
  test("RETIRED closes the connection, and it is not reported again", async () => {
    await using beach = report(() => ({ standing: RETIRED }));
    beach.hold("a");
    await beach.received.next();
    expect(await beach.called.next()).toBe("retired a");
    beach.hold("b");
    expect((await beach.received.next()).map((one) => one.handshakeId)).toEqual(["b"]);
  });

  test.each([PROMOTED, IN_FLIGHT, ABANDONED, LINGERING, UNKNOWN, HandshakeStanding.UNSPECIFIED])(
    "of any other standing (%i) closes nothing",
    async (standing) => {
      await using beach = report((one) => ({
        standing: one.handshakeId === "b" ? RETIRED : standing,
      }));
      beach.hold("a");
      beach.hold("b");
      const seen = await beach.received.next();
      expect(seen.map((one) => one.handshakeId)).toEqual(["a", "b"]);
      expect(await beach.called.next()).toBe("retired b");
      beach.reporter.changed();
      expect((await beach.received.next()).map((one) => one.handshakeId)).toEqual(["a"]);
    },
  );

  test("SESSION_UNKNOWN has the session attached again, then the same is reported again", async () => {
    await using beach = report((_, call) =>
      call === 1 ? { refusal: "SESSION_UNKNOWN", standing: UNKNOWN } : { standing: PROMOTED },
    );
    beach.hold("a");
    await beach.received.next();
    expect(await beach.called.next()).toBe(`attach ${sessionId}`);
    expect((await beach.received.next())[0]?.transportId).toBe("a-1");
  });

  test("SESSION_UNKNOWN of a detached session closes the connection instead", async () => {
    await using beach = report(() => ({ refusal: "SESSION_UNKNOWN", standing: RETIRED }));
    beach.hold("a");
    expect(await beach.called.next()).toBe("retired a");
  });

  test("PROMOTED names the generation that later reports send back", async () => {
    await using beach = report(() => ({ standing: PROMOTED, generation: 9n }));
    beach.hold("a");
    expect((await beach.received.next())[0]?.generation).toBe(0n);
    beach.reporter.changed();
    expect((await beach.received.next())[0]?.generation).toBe(9n);
  });

  test("a PROMOTED verdict with a lower generation does not replace the greater one", async () => {
    await using beach = report((_, call) => ({
      standing: PROMOTED,
      generation: call === 1 ? 9n : 7n,
    }));
    beach.hold("a");
    await beach.received.next();
    for (let count = 0; count < 2; count += 1) {
      beach.reporter.changed();
      expect((await beach.received.next())[0]?.generation).toBe(9n);
    }
  });
});

describe("a promoted handshake", () => {
  const promoted = (handshakeId: string) =>
    create(TransportStateSchema, { sessionId, handshakeId, generation: 4n });

  test("that this process does not hold is reported as such, once a state names it", async () => {
    await using beach = report(() => ({ standing: PROMOTED, generation: 4n }));
    beach.reporter.know(promoted("a"));
    const [none] = await beach.received.next();
    expect(none).toMatchObject({
      handshakeId: "a",
      transportId: "",
      connection: ConnectionState.CLOSED,
      generation: 4n,
    });
    beach.reporter.know(promoted("b"));
    expect((await beach.received.next()).map((one) => one.handshakeId)).toEqual(["b"]);
  });

  test("is reported under the greatest generation that a state named", async () => {
    await using beach = report(() => ({ standing: IN_FLIGHT }));
    beach.hold("a");
    await beach.received.next();
    for (const generation of [9n, 7n]) {
      beach.reporter.know({ ...promoted("a"), generation });
      beach.reporter.changed();
      expect((await beach.received.next())[0]?.generation).toBe(9n);
    }
  });

  test("that this process holds is never reported as missing", async () => {
    await using beach = report(() => ({ standing: PROMOTED, generation: 4n }));
    beach.hold("a");
    await beach.received.next();
    beach.reporter.know(promoted("a"));
    beach.reporter.changed();
    expect((await beach.received.next()).map((one) => one.transportId)).toEqual(["a-1"]);
  });

  test("whose connection closed here is missing from the next report on", async () => {
    await using beach = report(() => ({ standing: PROMOTED, generation: 4n }));
    const held = beach.hold("a");
    await beach.received.next();
    held.now = closed;
    beach.reporter.changed();
    expect((await beach.received.next()).map((one) => one.transportId)).toEqual(["a-1"]);
    expect((await beach.received.next()).map((one) => one.transportId)).toEqual([""]);
  });

  test("that was retired meanwhile is missing no longer", async () => {
    await using beach = report((one) => ({
      standing: one.handshakeId === "a" ? RETIRED : PROMOTED,
    }));
    beach.reporter.know(promoted("a"));
    await beach.received.next();
    expect(await beach.called.next()).toBe("retired a");
    beach.hold("b");
    expect((await beach.received.next()).map((one) => one.handshakeId)).toEqual(["b"]);
  });
});

test("the end of a connection that was received ends no other one of its handshake", async () => {
  // Another connection is built while the answer that the first one closed is on its way.
  await using beach = report((one) => {
    if (one.transportId === "a-1") beach.hold("a", "a-2");
    return { standing: IN_FLIGHT };
  });
  beach.hold("a").now = closed;
  expect((await beach.received.next()).map((one) => one.transportId)).toEqual(["a-1"]);
  expect((await beach.received.next()).map((one) => one.transportId)).toEqual(["a-2"]);
  beach.reporter.changed();
  expect((await beach.received.next()).map((one) => one.transportId)).toEqual(["a-2"]);
});

test("a closed connection is reported until the service has received it", async () => {
  await using beach = report((_, call) => {
    if (call === 1) throw new ConnectError("away", Code.Unavailable);
    return { standing: ABANDONED };
  });
  beach.hold("a").now = closed;
  expect((await beach.received.next())[0]?.connection).toBe(ConnectionState.CLOSED);
  expect((await beach.received.next())[0]?.connection).toBe(ConnectionState.CLOSED);
  beach.hold("b");
  expect((await beach.received.next()).map((one) => one.handshakeId)).toEqual(["b"]);
});
