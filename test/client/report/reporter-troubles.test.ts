import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";

import {
  type ConnectionObservation,
  TransportReporter,
  type TransportReporterOptions,
} from "../../../src/client/host.ts";
import {
  FastPathRegistry,
  type ReportTransportRequest,
  type ReportVerdictSchema,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ConnectionState,
  HandshakeStanding,
  TransportEnd,
  type TransportReport,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { settle } from "../../support/service/manual-clock.ts";
import { createQueue } from "../scripted-service.ts";

type Verdict = MessageInitShape<typeof ReportVerdictSchema>;

const { PROMOTED, RETIRED, UNKNOWN } = HandshakeStanding;
const anHourMs = 3_600_000;
const up = { connection: ConnectionState.CONNECTED, channels: [] };
const unknown: Verdict = { refusal: "SESSION_UNKNOWN", standing: UNKNOWN };

interface Beach extends AsyncDisposable {
  readonly reporter: TransportReporter;
  readonly calls: { next(): Promise<readonly TransportReport[]> };
  readonly troubles: { next(): Promise<string> };
  hold(sessionId: string, observe?: () => ConnectionObservation): void;
}

/** A reporter that repeats nothing by itself, and a registry that answers as the test says. */
function beachOf(
  answer: (report: TransportReport, call: number) => Verdict | Promise<Verdict>,
  options: Partial<TransportReporterOptions> = {},
): Beach {
  const calls = createQueue<readonly TransportReport[]>();
  const troubles = createQueue<string>();
  let called = 0;
  const transport = createRouterTransport(({ service }) => {
    service(FastPathRegistry, {
      async reportTransport({ reports }: ReportTransportRequest) {
        called += 1;
        const call = called;
        calls.push(reports);
        const verdicts = await Promise.all(reports.map((report) => answer(report, call)));
        return { verdicts, reportEvery: durationFromMs(anHourMs) };
      },
    });
  });
  const reporter = new TransportReporter({
    transport,
    end: TransportEnd.MANAGER,
    onRetired: () => undefined,
    onTrouble: (error) => troubles.push(String(error)),
    backoff: { nextMs: () => 0, reset: () => undefined },
    ...options,
  });
  return {
    reporter,
    calls,
    troubles,
    hold: (sessionId, observe = () => up) =>
      reporter.hold({ sessionId, handshakeId: "a", transportId: "a-1", observe }),
    [Symbol.asyncDispose]: () => reporter.stop(),
  };
}

test("an attach that does not help is repeated after a back-off, and not at network speed", async () => {
  const attached = createQueue<string>();
  const delays: number[] = [];
  await using beach = beachOf(() => unknown, {
    onSessionUnknown: async (id) => attached.push(id),
    createAttachBackoff: () => ({
      nextMs: () => {
        delays.push(delays.length);
        return delays.length === 1 ? 1 : anHourMs;
      },
      reset: () => undefined,
    }),
  });
  beach.hold("s");
  beach.reporter.start();
  await beach.calls.next();
  expect(await attached.next()).toBe("s");
  await beach.calls.next();
  expect(await attached.next()).toBe("s");
  await beach.calls.next();
  beach.reporter.changed();
  await beach.calls.next();
  expect(delays).toHaveLength(2);
});

test("an attach that is never answered delays no other session, and is given up", async () => {
  const attaching = createQueue<AbortSignal>();
  await using beach = beachOf(({ sessionId }) => (sessionId === "lost" ? unknown : {}), {
    onSessionUnknown: (_, signal) => {
      attaching.push(signal);
      return new Promise(() => undefined);
    },
  });
  beach.hold("lost");
  beach.hold("well");
  beach.reporter.start();
  await beach.calls.next();
  const signal = await attaching.next();
  beach.reporter.changed();
  const reported = (await beach.calls.next()).map(({ sessionId }) => sessionId);
  expect(reported).toEqual(["lost", "well"]);
  await beach.reporter.stop();
  expect(signal.aborted).toBe(true);
});

test("no more than 32 sessions are attached at once, and the others after them", async () => {
  const underWay: (() => void)[] = [];
  const attaching = createQueue<string>();
  await using beach = beachOf(() => unknown, {
    onSessionUnknown: (sessionId) => {
      attaching.push(sessionId);
      return new Promise((resolve) => underWay.push(resolve));
    },
  });
  for (let index = 0; index < 40; index += 1) beach.hold(`s-${index}`);
  beach.reporter.start();
  await beach.calls.next();
  for (let index = 0; index < 32; index += 1) expect(await attaching.next()).toBe(`s-${index}`);
  await settle();
  expect(underWay).toHaveLength(32);
  underWay[0]?.();
  expect(await attaching.next()).toBe("s-32");
});

test("a connection that cannot be observed leaves the others reported", async () => {
  await using beach = beachOf(() => ({}));
  beach.hold("broken", () => {
    throw new Error("the peer connection is gone");
  });
  beach.hold("well");
  beach.reporter.start();
  expect((await beach.calls.next()).map(({ sessionId }) => sessionId)).toEqual(["well"]);
  expect(await beach.troubles.next()).toBe(
    "CallbackError: observe failed: the peer connection is gone",
  );
});

test("a message that fails leaves the others of its round sent", async () => {
  const failed = new Error("the first message is lost");
  await using beach = beachOf(({ sessionId }) => {
    if (sessionId === "0") throw new ConnectError(failed.message, Code.Unavailable);
    return {};
  });
  for (let index = 0; index < 1_000; index += 1) beach.hold(String(index));
  beach.reporter.start();
  const sizes = [
    (await beach.calls.next()).length,
    (await beach.calls.next()).length,
    (await beach.calls.next()).length,
  ];
  expect(sizes).toEqual([400, 400, 200]);
  expect(await beach.troubles.next()).toContain(failed.message);
});

test("a waiting report is observed when it is sent", async () => {
  let observed = 0;
  let answer = (): void => undefined;
  const answered = new Promise<Verdict>((resolve) => {
    answer = () => resolve({});
  });
  await using beach = beachOf(() => answered);
  const observe = (): typeof up => {
    observed += 1;
    return up;
  };
  for (let index = 0; index < 2_000; index += 1) beach.hold(String(index), observe);
  beach.reporter.start();
  for (let call = 0; call < 4; call += 1) await beach.calls.next();
  expect(observed).toBe(1_600);
  answer();
  expect(await beach.calls.next()).toHaveLength(400);
  expect(observed).toBe(2_000);
});

test("all about one session is in one message", async () => {
  await using beach = beachOf(() => ({}));
  const hold = (sessionId: string, handshakeId: string): void =>
    beach.reporter.hold({ sessionId, handshakeId, transportId: "t", observe: () => up });
  for (let index = 0; index < 399; index += 1) hold(String(index), "a");
  hold("two", "a");
  hold("last", "a");
  hold("two", "b");
  beach.reporter.start();
  const messages = [await beach.calls.next(), await beach.calls.next()];
  const withTwo = messages.map((reports) => reports.filter((one) => one.sessionId === "two"));
  expect(withTwo.map(({ length }) => length).sort()).toEqual([0, 2]);
});

test("a handshake whose onRetired fails is reported and retired again", async () => {
  const retired = createQueue<string>();
  let failures = 1;
  await using beach = beachOf(() => ({ standing: RETIRED }), {
    onRetired: ({ handshakeId }) => {
      if (failures-- > 0) throw new Error("close failed");
      retired.push(handshakeId);
    },
  });
  beach.hold("s");
  beach.reporter.start();
  await beach.calls.next();
  expect(await beach.troubles.next()).toBe("CallbackError: onRetired failed: close failed");
  beach.reporter.changed();
  expect((await beach.calls.next()).map(({ handshakeId }) => handshakeId)).toEqual(["a"]);
  expect(await retired.next()).toBe("a");
});

test("an onVerdict that fails spoils no other verdict", async () => {
  await using beach = beachOf(() => ({ standing: PROMOTED, generation: 7n }), {
    onVerdict: () => {
      throw new Error("a chart broke");
    },
  });
  beach.hold("s");
  beach.hold("t");
  beach.reporter.start();
  await beach.calls.next();
  beach.reporter.changed();
  expect((await beach.calls.next()).map(({ generation }) => generation)).toEqual([7n, 7n]);
});

test("rounds are paced whatever changes", async () => {
  await using beach = beachOf(() => ({}));
  beach.hold("s");
  beach.reporter.start();
  await beach.calls.next();
  const before = performance.now();
  for (let round = 0; round < 3; round += 1) {
    beach.reporter.changed();
    await beach.calls.next();
  }
  expect(performance.now() - before).toBeGreaterThanOrEqual(90);
});

test("a message that fails in each round does not slow down the others", async () => {
  await using beach = beachOf(
    ({ sessionId }) => {
      if (sessionId === "0") throw new ConnectError("refused", Code.Unavailable);
      return {};
    },
    { backoff: { nextMs: () => anHourMs, reset: () => undefined }, reportEveryMs: 0 },
  );
  for (let index = 0; index < 401; index += 1) beach.hold(String(index));
  beach.reporter.start();
  expect((await beach.calls.next()).length + (await beach.calls.next()).length).toBe(401);
  beach.reporter.changed();
  expect((await beach.calls.next()).length + (await beach.calls.next()).length).toBe(401);
});

test.each<[string, Partial<ConnectionObservation>]>([
  [
    "a count of buffered bytes below zero",
    { channels: [{ label: "c", state: 2, bufferedBytes: -1 }] },
  ],
  [
    "an age beyond what a message can say",
    { channels: [{ label: "c", state: 2, ackAgeMs: 1e300 }] },
  ],
  ["a round trip beyond what a message can say", { roundTripMs: 1e300 }],
])("%s leaves the report sent, and the others of its message", async (_, odd) => {
  await using beach = beachOf(() => ({}));
  beach.hold("odd", () => ({ ...up, ...odd }));
  beach.hold("well");
  beach.reporter.start();
  const sent = await Promise.race([beach.calls.next(), beach.troubles.next()]);
  expect(sent).toMatchObject([{ sessionId: "odd" }, { sessionId: "well" }]);
});

test("the text of an error is cut to a length that the service takes", async () => {
  await using beach = beachOf(() => ({}));
  beach.hold("long", () => ({
    ...up,
    lastError: `${"x".repeat(255)}\u{1f469}${"y".repeat(9_000)}`,
  }));
  beach.reporter.start();
  expect((await beach.calls.next())[0]?.lastError).toBe("x".repeat(255));
});

test("an onTrouble that rejects, and a callback that returns another kind of promise, end nothing", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const received = createQueue<string>();
  await using beach = beachOf(() => ({}), {
    onVerdict: () => ({
      // biome-ignore lint/suspicious/noThenProperty: promises of other libraries are objects like this.
      then: (_: unknown, reject: (error: Error) => void) => reject(new Error("broken")),
    }),
    onTrouble: async (error) => {
      received.push(String(error));
      throw new Error("and so is its receiver");
    },
  });
  beach.hold("a");
  beach.reporter.start();
  expect(await received.next()).toBe("CallbackError: onVerdict failed: broken");
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
