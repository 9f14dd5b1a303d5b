import { request as httpRequest } from "node:http";

import { Code } from "@connectrpc/connect";
import { expect, test, vi } from "vitest";

import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  Health,
  HealthCheckResponse_ServingStatus,
} from "../../../src/gen/grpc/health/v1/health_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";
const listSessions = "/beach.controller.v1.FastPathRegistry/ListSessions";
const page = "http://localhost:5173";

test("a preflight lets pages of this machine call every protocol and the old routes", async () => {
  await using service = await runService();
  for (const [path, method] of [
    [renew, "POST"],
    ["/sessions/s1/controller-handshake", "DELETE"],
  ] as const) {
    const { status, headers } = await preflight(service, path, method, page);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(page);
    expect(headers.get("access-control-allow-methods")).toContain(method);
    const allowed = headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
    for (const name of ["connect-protocol-version", "x-grpc-web", "authorization"]) {
      expect(allowed).toContain(name);
    }
  }
});

test("a page may read statuses, error details and when to retry", async () => {
  await using service = await runService();
  const { headers } = await post(service, renew, "{}", { origin: page });
  expect(headers.get("access-control-allow-origin")).toBe(page);
  const exposed = headers.get("access-control-expose-headers")?.toLowerCase() ?? "";
  for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after"]) {
    expect(exposed).toContain(name);
  }
});

test("pages of other origins are turned away, unless a setting lists them", async () => {
  await using service = await runService({
    env: { LEASE_CORS_ORIGINS: "https://beach.example" },
  });
  const asked = await preflight(service, renew, "POST", "https://evil.example");
  expect(asked.headers.get("access-control-allow-origin")).toBeNull();
  const sent = await post(service, "/sessions/s1/controller-handshake", "{}", {
    origin: "https://evil.example",
    "content-type": "text/plain",
  });
  expect(sent.status).toBe(403);
  expect(await sent.json()).toMatchObject({ error: "forbidden" });
  for (const origin of ["https://beach.example", "http://127.0.0.1:3000", "http://[::1]"]) {
    const { headers } = await preflight(service, renew, "POST", origin);
    expect(headers.get("access-control-allow-origin")).toBe(origin);
  }
});

test("curl reads a refusal as JSON, with its reason", async () => {
  await using service = await runService();
  const asked = JSON.stringify({ sessionId: "nobody", controllerToken: "t" });
  const answer = await post(service, renew, asked);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({
    code: "not_found",
    details: [{ type: "google.rpc.ErrorInfo", debug: { reason: "SESSION_UNKNOWN" } }],
  });
});

test("curl reads which fields of its JSON are of the wrong type", async () => {
  await using service = await runService();
  const answer = await post(service, renew, '{"sessionId":7,"ttl":30}');
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    code: "invalid_argument",
    message:
      'Cannot read the request: "session_id" must be of type string; "ttl" must be a duration, such as "30s"',
  });
});

test("calls reserved for the manager are UNIMPLEMENTED, also for curl", async () => {
  await using service = await runService();
  const registry = service.client(FastPathRegistry, service.connect);
  await expect(
    registry.attachSession({ sessionId: "s1", privateBeachId: "b" }),
  ).rejects.toMatchObject({ code: Code.Unimplemented });
  const { sessions } = await service.registry.listSessions({});
  expect(sessions).toEqual([]);
});

test("KeepAlive, which needs HTTP/2, is refused and nothing breaks", async () => {
  await using service = await runService();
  const answer = await fetch(service.httpUrl("/beach.controller.v1.ControllerLease/KeepAlive"), {
    method: "POST",
    headers: { "content-type": "application/connect+proto" },
    body: "",
  });
  expect(answer.status).toBe(505);
});

test.for(["br, gzip", "gzip"])("an answer is not compressed, whoever reads %s", async (coding) => {
  await using service = await runService();
  for (let count = 0; count < 20; count += 1) {
    const sessionId = `session-${count}-${"long".repeat(20)}`;
    await service.registry.attachSession({ sessionId, privateBeachId: "beach" });
  }
  const answer = await post(service, listSessions, '{"privateBeachId":"beach"}', {
    "accept-encoding": coding,
  });
  expect(answer.headers.get("content-encoding")).toBeNull();
  expect((await answer.json()) as object).toHaveProperty("sessions.length", 20);
});

test("health is served in both protocols", async () => {
  await using service = await runService();
  for (const transport of [service.connect, service.grpcWeb]) {
    expect(await service.client(Health, transport).check({})).toMatchObject({
      status: HealthCheckResponse_ServingStatus.SERVING,
    });
  }
});

test("an unknown route is not found, in JSON", async () => {
  await using service = await runService();
  const answer = await fetch(service.httpUrl("/nothing/here"));
  expect(answer.status).toBe(404);
  expect(await answer.json()).toEqual({ error: "not_found", message: "no such route" });
});

test("a page that vanishes while it watches leaves nothing hanging", async () => {
  await using service = await runService();
  const leave = new AbortController();
  const request = httpRequest(
    service.httpUrl("/beach.controller.v1.ControllerLease/WatchTransport"),
    {
      method: "POST",
      headers: { "content-type": "application/connect+json" },
      signal: leave.signal,
    },
  );
  request.on("error", () => undefined);
  const opened = new Promise((resolve) => request.once("response", resolve));
  request.end(enveloped(Buffer.from(JSON.stringify({ sessionIds: ["s1"] }))));
  await opened;
  leave.abort();
  await vi.waitFor(() => {
    expect(service.log.map(({ msg }) => msg)).toContain("watch stream closed");
  }, patient);
});

function preflight(
  service: RunningService,
  path: string,
  method: string,
  origin: string,
): Promise<Response> {
  return fetch(service.httpUrl(path), {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "content-type,connect-protocol-version",
    },
  });
}

function post(
  service: RunningService,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(service.httpUrl(path), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
}
