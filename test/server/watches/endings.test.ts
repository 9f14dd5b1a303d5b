import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { describe, expect, test, vi } from "vitest";
import { startFakeRoad } from "../../../src/demo/road/fake-road.ts";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { beach } from "../../api/conformance/conformance-subject.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { openRawWatch, type RawProtocol, rawProtocols } from "./raw-watch.ts";

function inProtocol(code: Code, protocol: RawProtocol): string {
  return protocol === "Connect" ? codeToString(code) : String(code);
}

function deadlineOf(protocol: RawProtocol, ms: number): Record<string, string> {
  return protocol === "Connect"
    ? { "connect-timeout-ms": String(ms) }
    : { "grpc-timeout": `${ms}m` };
}

/** How many watches ended at each code, as the metrics count them. */
async function countOf(service: RunningService, code: Code): Promise<number> {
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  const line = new RegExp(
    `lease_calls_total\\{.*method="WatchTransport",code="${Code[code]}"\\} (\\d+)`,
  );
  return Number(line.exec(text)?.[1] ?? 0);
}

describe.each(rawProtocols)("a watch over %s", (protocol) => {
  test("ends with DEADLINE_EXCEEDED when its deadline passes, and is counted so", async () => {
    await using service = await runService();
    const watch = await openRawWatch(service, protocol, beach, deadlineOf(protocol, 200));
    expect(await watch.readToEnd()).toMatchObject({
      code: inProtocol(Code.DeadlineExceeded, protocol),
      message: "the deadline passed",
    });
    await vi.waitFor(
      async () => expect(await countOf(service, Code.DeadlineExceeded)).toBe(1),
      patient,
    );
  });

  test("ends with UNAVAILABLE when the service drains, also with a deadline", async () => {
    await using service = await runService();
    const watch = await openRawWatch(service, protocol, beach, deadlineOf(protocol, 600_000));
    const ended = watch.readToEnd();
    await service.drain();
    expect(await ended).toMatchObject({ code: inProtocol(Code.Unavailable, protocol) });
  });

  test("is counted as cancelled when its reader leaves", async () => {
    await using service = await runService();
    const watch = await openRawWatch(service, protocol, beach, deadlineOf(protocol, 600_000));
    watch.destroy();
    await vi.waitFor(async () => expect(await countOf(service, Code.Canceled)).toBe(1), patient);
  });

  test("with a deadline that cannot be read is refused, and its text is not repeated", async () => {
    await using service = await runService();
    const name = protocol === "Connect" ? "connect-timeout-ms" : "grpc-timeout";
    const watch = await openRawWatch(service, protocol, beach, { [name]: `9${"x".repeat(9000)}S` });
    const end = await watch.readToEnd();
    if (end === "reset") expect.fail("the stream was reset");
    expect(end.code).toBe(inProtocol(Code.InvalidArgument, protocol));
    expect(end.message.length).toBeLessThan(200);
  });
});

test("a call over Connect whose deadline passes ends in the same words", async () => {
  await using road = await startFakeRoad();
  road.register("s1", "1");
  road.behave({ delayMs: 300 });
  await using service = await runService({ env: { LEASE_ROAD_URL: road.url } });
  const answer = await fetch(service.httpUrl(`/${ControllerLease.typeName}/Acquire`), {
    method: "POST",
    headers: { "content-type": "application/json", "connect-timeout-ms": "20" },
    body: JSON.stringify({ sessionId: "s1", privateBeachId: beach, passcode: "1" }),
  });
  expect(await answer.json()).toEqual({
    code: codeToString(Code.DeadlineExceeded),
    message: "the deadline passed",
  });
});

/** Deadlines that are longer than any timer: 24 days and 20 hours are the most. */
const farDeadlines: readonly (readonly [RawProtocol, Readonly<Record<string, string>>])[] = [
  ["gRPC", { "grpc-timeout": "600H" }],
  ["gRPC", { "grpc-timeout": "99999999H" }],
  ["gRPC", { "grpc-timeout": "2147484S" }],
  ["gRPC", { "grpc-timeout": "35792M" }],
  ["gRPC-Web", { "grpc-timeout": "600H" }],
  ["gRPC-Web", { "grpc-timeout": "99999999M" }],
  ["Connect", { "connect-timeout-ms": "2147483648" }],
  ["Connect", { "connect-timeout-ms": "9999999999" }],
];

test.each(farDeadlines)("over %s, %o is a long time", async (protocol, headers) => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  await using service = await runService();
  const watch = await openRawWatch(service, protocol, beach, headers);
  const ended = watch.readToEnd();
  // Whatever ends the watch in less time than a call takes is a timer that fired at once.
  const lease = service.client(ControllerLease);
  for (let call = 0; call < 20; call += 1) {
    const asked = { sessionId: "s1", privateBeachId: beach, passcode: "1" };
    await lease.acquire(asked, { headers: protocol === "gRPC" ? headers : {} });
  }
  expect(await countOf(service, Code.DeadlineExceeded)).toBe(0);
  await service.drain();
  expect(await ended).toMatchObject({ code: inProtocol(Code.Unavailable, protocol) });
  process.off("warning", note);
  expect(warnings.map(({ message }) => message)).toEqual([]);
});
