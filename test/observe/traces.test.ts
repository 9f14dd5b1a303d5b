import { expect, test } from "vitest";

import { startFakeRoad } from "../../src/demo/road/fake-road.ts";
import { tracesIn } from "../../src/settings/traces-setting.ts";
import {
  attributesOf,
  type ReceivedSpan,
  startTraceReceiver,
} from "../support/network/trace-receiver.ts";
import { spawnService } from "../support/process/run-service.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${parentId}-01`;
const server = 2;
const client = 3;
const inTime = { timeout: 20_000 };

test("calls at every door are spans of their callers' traces, with what they wait for inside", async () => {
  await using receiver = await startTraceReceiver();
  await using road = await startFakeRoad();
  road.register("s1", "1234");
  const service = await spawnService({
    LEASE_ROAD_URL: road.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_SERVICE_NAME: "leases-under-test",
  });
  const headers = { traceparent };
  const asked = { sessionId: "s1", privateBeachId: "beach-1", passcode: "1234" };
  const { controllerToken } = await service.lease.acquire(asked, { headers });
  const old = service.httpUrl("/sessions/s1/controller/lease");
  await fetch(old, { method: "POST", body: "{}", headers });
  const unknown = { sessionId: "s2", controllerToken };
  const rpc = service.httpUrl("/beach.controller.v1.ControllerLease/Renew");
  const json = { ...headers, "content-type": "application/json" };
  await fetch(rpc, { method: "POST", body: JSON.stringify(unknown), headers: json });
  await service.lease.renew({ sessionId: "s1", controllerToken, leaseOnly: true });
  await service.stop();

  const named = (name: string): readonly ReceivedSpan[] =>
    receiver.spans.filter((span) => span.name === name);
  await expect.poll(() => receiver.spans.length, inTime).toBeGreaterThanOrEqual(7);
  expect(receiver.services).toEqual(new Set(["leases-under-test"]));

  const [acquire] = named("beach.controller.v1.ControllerLease/Acquire");
  expect(acquire).toMatchObject({ traceId, parentSpanId: parentId, kind: server });
  expect(acquire && attributesOf(acquire)).toEqual({
    "rpc.system": "grpc",
    "rpc.service": "beach.controller.v1.ControllerLease",
    "rpc.method": "Acquire",
    "rpc.response.status_code": "OK",
  });
  const inside = { traceId, parentSpanId: acquire?.spanId };
  expect(named("road verify-code")).toMatchObject([{ ...inside, kind: client }]);
  expect(named("store commit")).toContainEqual(expect.objectContaining(inside));
  const [asking] = named("road verify-code");
  expect(road.headers["verify-code"]).toMatchObject([
    { traceparent: `00-${traceId}-${asking?.spanId}-01` },
  ]);

  const [posted] = named("POST /sessions/:id/controller/lease");
  expect(posted).toMatchObject({ traceId, parentSpanId: parentId, kind: server });
  expect(posted && attributesOf(posted)).toMatchObject({ "http.response.status_code": 200 });

  const renewals = named("beach.controller.v1.ControllerLease/Renew");
  const refused = renewals.find((span) => span.parentSpanId === parentId);
  expect(refused && attributesOf(refused)).toMatchObject({
    "rpc.system": "connect_rpc",
    "rpc.response.status_code": "NotFound",
  });
  // Nobody named a trace: it is one of its own, and has an end without a fault.
  const own = renewals.find((span) => span !== refused);
  expect(own?.traceId).not.toBe(traceId);
  expect(own?.status.code ?? 0).toBe(0);
});

test("without a receiver nothing of OpenTelemetry's SDK is loaded, and no span is made", async () => {
  const spy = new URL("../support/process/modules-loaded.ts", import.meta.url).href;
  await using service = await spawnService({}, { preload: spy });
  await service.registry.attachSession(
    { sessionId: "s1", privateBeachId: "beach-1" },
    { headers: { traceparent } },
  );
  await service.stop();
  const loaded = service.stderr.filter((line) => line.includes("@opentelemetry/"));
  const parts = new Set(loaded.map((line) => /@opentelemetry\/([^/]+)/.exec(line)?.[1]));
  expect([...parts].filter((part) => part !== "api")).toEqual([]);
  expect(service.stderr.join("\n")).toContain("/src/app.ts");
});

test("OpenTelemetry's own variables say whether and which calls are traced", () => {
  const to = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://receiver:4318/v1/traces" };
  expect(tracesIn({})).toBeUndefined();
  expect(tracesIn({ OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toBeUndefined();
  expect(tracesIn({ ...to, OTEL_SDK_DISABLED: "TRUE" })).toBeUndefined();
  expect(tracesIn({ ...to, OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
  const sampler = (name: string, arg?: string) =>
    tracesIn({ ...to, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg })?.sampler;
  const byDefault = { kind: "on", ratio: 1, followsParent: true };
  expect(tracesIn(to)?.sampler).toEqual(byDefault);
  expect(sampler("jaeger_remote")).toEqual(byDefault);
  expect(sampler("always_on")).toMatchObject({ kind: "on", followsParent: false });
  expect(sampler("parentbased_always_off")).toMatchObject({ kind: "off", followsParent: true });
  expect(sampler("traceidratio", "0.25")).toMatchObject({ kind: "ratio", ratio: 0.25 });
  expect(sampler("traceidratio", "many")).toMatchObject({ kind: "ratio", ratio: 1 });
});
