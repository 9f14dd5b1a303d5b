import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { systemClock } from "../../../src/service/time/clock.ts";
import {
  type LogLine,
  type RunningService,
  runService,
} from "../../support/process/run-service.ts";
import { breakSession } from "../../support/service/broken-session.ts";
import { storeFolder } from "../../support/store/store-files.ts";
import { insertion, sessionRecord } from "../../support/store/store-records.ts";

const asked = { privateBeachId: "beach-1", passcode: "1" };
const uuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

let folder: Awaited<ReturnType<typeof storeFolder>>;
let service: RunningService;

beforeAll(async () => {
  folder = await storeFolder();
  await using store = await folder.open();
  const now = systemClock().now();
  await store.commit(insertion(sessionRecord({ id: "broken", beachId: "beach-1", activeAt: now })));
  await breakSession(store, "broken", undefined);
});

beforeAll(async () => {
  service = await runService({ store: { path: folder.storePath } });
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function linesOf(sessionId: string): readonly LogLine[] {
  return service.log.filter(({ session }) => session === sessionId);
}

/** What the lines about a session say of the request that they come from. */
function requestsOf(sessionId: string): readonly unknown[] {
  return [...new Set(linesOf(sessionId).map(({ request }) => request))];
}

async function acquireOverConnect(
  sessionId: string,
  headers: Record<string, string>,
): Promise<Response> {
  const url = service.httpUrl("/beach.controller.v1.ControllerLease/Acquire");
  const body = JSON.stringify({ sessionId, ...asked });
  const json = { ...headers, "content-type": "application/json" };
  return fetch(url, { method: "POST", headers: json, body });
}

test("the lines of a call bear the id that its caller gave it, on every door", async () => {
  const named = (id: string) => ({ headers: { "x-request-id": id } });
  const answered: (string | null)[] = [];
  const onHeader = (headers: Headers): void => void answered.push(headers.get("x-request-id"));
  const overGrpc = { ...named("request-1"), onHeader };
  await service.lease.acquire({ sessionId: "over-grpc", ...asked }, overGrpc);
  expect(answered).toEqual(["request-1"]);
  const refused = await service.lease
    .renew({ sessionId: "over-grpc", controllerToken: "another" }, named("request-5"))
    .catch(ConnectError.from);
  expect((refused as ConnectError).metadata.get("x-request-id")).toBe("request-5");
  const web = service.client(ControllerLease, service.grpcWeb);
  await web.acquire({ sessionId: "over-grpc-web", ...asked }, named("request-2"));
  const answer = await acquireOverConnect("over-connect", { "x-request-id": "request-3" });
  expect(answer.headers.get("x-request-id")).toBe("request-3");
  const old = await fetch(service.httpUrl("/sessions/old-route/controller-handshake"), {
    method: "POST",
    headers: { "x-request-id": "request-4" },
    body: JSON.stringify({ passcode: "1", requester_private_beach_id: "beach-1" }),
  });
  expect(old.headers.get("x-request-id")).toBe("request-4");
  expect(requestsOf("over-grpc")).toEqual(["request-1", "request-5"]);
  expect(requestsOf("over-grpc-web")).toEqual(["request-2"]);
  expect(requestsOf("over-connect")).toEqual(["request-3"]);
  expect(requestsOf("old-route")).toEqual(["request-4"]);
  expect(linesOf("over-grpc").length).toBeGreaterThan(2);
});

test("so do the lines of each batch of a stream", async () => {
  const { controllerToken } = await service.lease.acquire({ sessionId: "batched", ...asked });
  const renewal = { sessionId: "batched", controllerToken, leaseOnly: true };
  async function* messages() {
    yield { renewals: [renewal] };
    yield { renewals: [renewal] };
  }
  const before = linesOf("batched").length;
  const headers = { "x-request-id": "stream-1" };
  for await (const _ of service.lease.keepAlive(messages(), { headers }));
  const lines = linesOf("batched").slice(before);
  expect(lines.filter(({ msg }) => msg === "lease renewed")).toHaveLength(2);
  expect(new Set(lines.map(({ request }) => request))).toEqual(new Set(["stream-1"]));
});

test("a call without an id, or with one that fits into no line, gets one of ours", async () => {
  const ids = ["with blanks", "x".repeat(129), ""];
  for (const [place, id] of ids.entries()) {
    const answer = await acquireOverConnect(`unfit-${place}`, { "x-request-id": id });
    expect(answer.headers.has("x-request-id")).toBe(false);
    expect(requestsOf(`unfit-${place}`)).toEqual([expect.stringMatching(uuid)]);
  }
  await service.lease.acquire({ sessionId: "unnamed", ...asked });
  expect(requestsOf("unnamed")).toEqual([expect.stringMatching(uuid)]);
});

test("what no call causes has no id", () => {
  const recovered = service.log.filter(({ msg }) => msg === "recovered");
  expect(recovered).toHaveLength(1);
  expect(recovered[0]).not.toHaveProperty("request");
});

test("whoever gets an internal error gets the id under which it is in the log", async () => {
  const bugs = (): readonly unknown[] =>
    service.log.filter(({ msg }) => msg === "internal error").map(({ request }) => request);
  const answer = await acquireOverConnect("broken", {});
  expect(answer.status).toBe(500);
  expect(answer.headers.get("x-request-id")).toMatch(uuid);
  expect(bugs()).toEqual([answer.headers.get("x-request-id")]);
  const old = await fetch(service.httpUrl("/sessions/broken/controller-handshake"), {
    method: "POST",
    body: JSON.stringify({ passcode: "1", requester_private_beach_id: "beach-1" }),
  });
  expect(old.status).toBe(500);
  expect(old.headers.get("x-request-id")).toMatch(uuid);
  expect(bugs()[1]).toBe(old.headers.get("x-request-id"));
  const refused = await service.lease
    .acquire({ sessionId: "broken", ...asked })
    .catch(ConnectError.from);
  expect(refused).toMatchObject({ code: Code.Internal });
  expect(bugs()[2]).toMatch(uuid);
  expect((refused as ConnectError).metadata.get("x-request-id")).toBe(bugs()[2]);
});
