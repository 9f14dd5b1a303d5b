import { expect, test } from "vitest";

import { beach, freshId, readyReport } from "../api/conformance/conformance-subject.ts";
import { type RunningService, runService } from "../support/process/run-service.ts";
import { manualClock } from "../support/service/manual-clock.ts";
import { sequentialIds } from "../support/service/sequential-ids.ts";
import { oldClient } from "./old-client.ts";

const startsAt = Date.parse("2026-01-02T03:04:05.000Z");

/** Time stands still, ids count and the token key is fixed, so that answers are known to the letter. */
function runGolden(): Promise<RunningService> {
  return runService({
    clock: manualClock(startsAt),
    ids: sequentialIds(),
    env: { LEASE_TOKEN_KEY: "the key of the golden answers, not a secret" },
  });
}

const tokenOfLease1 = "5vvlCCvCqxxoOITfKb4dq2NZsoQs4M8L30WkRHdWKbc";

const handshake = {
  private_beach_id: beach,
  manager_url: "http://127.0.0.1:8080",
  controller_token: tokenOfLease1,
  lease_expires_at_ms: startsAt + 30_000,
  stale_session_idle_secs: 60,
  viewer_health_interval_secs: 15,
};

const autoAttach = {
  private_beach_id: beach,
  attach_code: "123456",
  manager_url: "http://127.0.0.1:8080",
  issued_at: "2026-01-02T03:04:05.000Z",
};

const ask = { passcode: "123456", requester_private_beach_id: beach };

test("POST controller-handshake of a session without a fast path answers renegotiate", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  const golden = {
    status: 200,
    contentType: "application/json; charset=utf-8",
    retryAfter: null,
    body: {
      ...handshake,
      controller_auto_attach: {
        ...autoAttach,
        expires_at: "2026-01-02T03:04:20.000Z",
        handshake_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      },
      handshake_kind: "renegotiate",
    },
  };
  const first = await call("POST", "/sessions/s1/controller-handshake", ask);
  expect(first).toEqual(golden);
  // While the handshake is in flight, asking again joins it.
  expect(await call("POST", "/sessions/s1/controller-handshake", ask)).toEqual(first);
});

test("the moments of a reply are on the wall clock, also once that was stepped", async () => {
  const clock = manualClock(startsAt);
  await using service = await runService({ clock, ids: sequentialIds() });
  const call = oldClient(service);
  const ahead = 8 * 3_600_000;
  await call("POST", "/sessions/s1/controller-handshake", ask);
  clock.stepWall(ahead);
  const { body } = await call("POST", "/sessions/s1/controller-handshake", ask);
  expect(body).toMatchObject({
    lease_expires_at_ms: startsAt + 30_000 + ahead,
    controller_auto_attach: {
      issued_at: "2026-01-02T11:04:05.000Z",
      expires_at: "2026-01-02T11:04:20.000Z",
    },
  });
});

test("POST controller-handshake over a usable fast path answers refresh and relays what is", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  const handshakeId = await promoted(service);
  const golden = {
    ...handshake,
    controller_auto_attach: { ...autoAttach, handshake_id: handshakeId },
    handshake_kind: "refresh",
  };
  for (let renewal = 0; renewal < 3; renewal += 1) {
    const { body } = await call("POST", "/sessions/s1/controller-handshake", ask);
    expect(body).toEqual(golden);
  }
});

test("POST controller-handshake/renew moves the expiry, and is always a refresh", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  await call("POST", "/sessions/s1/controller-handshake", ask);
  const renewed = await call("POST", "/sessions/s1/controller-handshake/renew", {
    controller_token: tokenOfLease1,
    ttl_ms: 60_000,
  });
  expect(renewed).toMatchObject({
    status: 200,
    body: {
      ...handshake,
      lease_expires_at_ms: startsAt + 60_000,
      handshake_kind: "refresh",
    },
  });
  expect(renewed.body).not.toHaveProperty("controller_auto_attach");
});

test("POST controller/lease answers token and expiry, and renews by the same call", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  await service.registry.attachSession({ sessionId: "s1", privateBeachId: beach });
  const asked = { reason: "pong_autopilot:lhs", ttl_ms: 10_000 };
  const golden = { controller_token: tokenOfLease1, expires_at_ms: startsAt + 10_000 };
  for (let renewal = 0; renewal < 2; renewal += 1) {
    const { status, body } = await call("POST", "/sessions/s1/controller/lease", asked);
    expect({ status, body }).toEqual({ status: 200, body: golden });
  }
  // The harness sends no reason, and asks for ever shorter lives.
  for (const ttl_ms of [9_999, 1, 0]) {
    const shrunk = await call("POST", "/sessions/s1/controller/lease", { ttl_ms });
    expect(shrunk.body).toMatchObject({ expires_at_ms: startsAt + 10_000 });
  }
  for (const ttl_ms of [300_001, 1e18]) {
    const grown = await call("POST", "/sessions/s1/controller/lease", { ttl_ms });
    expect(grown.body).toMatchObject({ expires_at_ms: startsAt + 300_000 });
  }
});

test("a lease of the shortest life outlives the slowest old renewer", async () => {
  const clock = manualClock(startsAt);
  await using service = await runService({ clock, ids: sequentialIds() });
  const call = oldClient(service);
  await service.registry.attachSession({ sessionId: "s1", privateBeachId: beach });
  const asked = { reason: "surfer", ttl_ms: 5_000 };
  const first = await call("POST", "/sessions/s1/controller/lease", asked);
  for (let renewal = 0; renewal < 5; renewal += 1) {
    await clock.advance(5_040);
    const { body } = await call("POST", "/sessions/s1/controller/lease", asked);
    expect(body).toMatchObject({
      controller_token: (first.body as { controller_token: string }).controller_token,
      expires_at_ms: clock.now() + 10_000,
    });
  }
});

test("blanks and line ends around an old client's values are ignored", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  const padded = { passcode: " 123456\n", requester_private_beach_id: ` ${beach} ` };
  const { status, body } = await call("POST", "/sessions/s1/controller-handshake", padded);
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { private_beach_id: beach, controller_auto_attach: { attach_code: "123456" } },
  });
});

test.each([
  ["too long", "r".repeat(65), "r".repeat(64)],
  ["of many characters", "é".repeat(70), "é".repeat(64)],
  ["in two lines", " a\r\nb ", "a b"],
  ["of blanks", "  ", ""],
])("a reason %s is made one short line", async (_what, reason, kept) => {
  await using service = await runGolden();
  await service.registry.attachSession({ sessionId: "s1", privateBeachId: beach });
  const call = oldClient(service);
  expect(await call("POST", "/sessions/s1/controller/lease", { reason })).toMatchObject({
    status: 200,
  });
  const { sessions } = await service.registry.listSessions({ privateBeachId: beach });
  expect(sessions[0]?.leases.map((lease) => lease.reason)).toEqual([kept]);
});

test.each(["controller-handshake", "controller/lease"])(
  "DELETE %s gives the lease up by a token in the body or in the query",
  async (route) => {
    await using service = await runGolden();
    const call = oldClient(service);
    const released = { status: 200, body: { released: true } };
    const mismatch = { status: 409, body: { error: "conflict", message: "controller mismatch" } };

    await call("POST", "/sessions/s1/controller-handshake", ask);
    const inBody = { controller_token: tokenOfLease1 };
    expect(await call("DELETE", `/sessions/s1/${route}`, inBody)).toMatchObject(released);
    // What is done stays done; only a token that never was is a mismatch.
    expect(await call("DELETE", `/sessions/s1/${route}`, inBody)).toMatchObject(released);
    const strange = { controller_token: "nobody's" };
    expect(await call("DELETE", `/sessions/s1/${route}`, strange)).toMatchObject(mismatch);

    const again = await call("POST", "/sessions/s1/controller-handshake", ask);
    const { controller_token } = again.body as { controller_token: string };
    const inQuery = `/sessions/s1/${route}?controller_token=${controller_token}`;
    expect(await call("DELETE", inQuery)).toMatchObject(released);
    expect(await call("DELETE", inQuery)).toMatchObject(released);
  },
);

test("the token is the same after a restart, by the key file beside the store", async () => {
  await using before = await runService({ store: "sqlite" });
  const asked = await oldClient(before)("POST", "/sessions/s1/controller-handshake", ask);
  await before.drain();
  await using after = await runService({ store: { path: before.storePath } });
  const again = await oldClient(after)("POST", "/sessions/s1/controller-handshake", ask);
  expect(again.body).toMatchObject({
    controller_token: (asked.body as { controller_token: string }).controller_token,
  });
});

test("a session that nobody attached and no passcode opens is not found", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  const notFound = { status: 404, body: { error: "not_found", message: "session not found" } };
  expect(await call("POST", "/sessions/s9/controller/lease", {})).toMatchObject(notFound);
  const renewal = { controller_token: "t" };
  expect(await call("POST", "/sessions/s9/controller-handshake/renew", renewal)).toMatchObject(
    notFound,
  );
  expect(await call("DELETE", "/sessions/s9/controller/lease", renewal)).toMatchObject(notFound);
});

test("revoked leases are forbidden until the hold is over, with a time to wait", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  await call("POST", "/sessions/s1/controller-handshake", ask);
  await service.registry.revokeLeases({ sessionId: "s1" });
  expect(await call("POST", "/sessions/s1/controller-handshake", ask)).toMatchObject({
    status: 403,
    retryAfter: "60",
    body: { error: "forbidden", message: expect.stringContaining("revoked") },
  });
});

test("more live leases than a session may have are too many requests", async () => {
  await using service = await runGolden();
  const call = oldClient(service);
  await service.registry.attachSession({ sessionId: "s1", privateBeachId: beach });
  for (let lease = 0; lease < 64; lease += 1) {
    await call("POST", "/sessions/s1/controller/lease", { reason: `agent-${lease}` });
  }
  expect(await call("POST", "/sessions/s1/controller/lease", { reason: "one more" })).toMatchObject(
    {
      status: 429,
      retryAfter: expect.stringMatching(/^\d+$/),
      body: { error: "too_many_requests", message: expect.any(String) },
    },
  );
});

type Bad = readonly [
  what: string,
  method: "POST" | "DELETE",
  route: string,
  body: unknown,
  status: number,
  message: RegExp,
];

const handshakeRoute = "controller-handshake";
const oversized = { passcode: "p".repeat(65 * 1024) };
const everyRoute: readonly (readonly ["POST" | "DELETE", string])[] = [
  ["POST", handshakeRoute],
  ["POST", `${handshakeRoute}/renew`],
  ["DELETE", handshakeRoute],
  ["POST", "controller/lease"],
  ["DELETE", "controller/lease"],
];
const bad: readonly Bad[] = [
  ...everyRoute.flatMap(([method, route]): readonly Bad[] => [
    [
      `${method} ${route} with broken JSON`,
      method,
      route,
      '{"passcode":',
      400,
      /"body" must be JSON$/,
    ],
    [`${method} ${route} with a list`, method, route, "[1]", 400, /"body"/],
    [
      `${method} ${route} with too much`,
      method,
      route,
      oversized,
      413,
      /"body" must be at most 65536 bytes/,
    ],
  ]),
  ["a passcode that is a number", "POST", handshakeRoute, { passcode: 1 }, 400, /"passcode"/],
  ["a passcode too long", "POST", handshakeRoute, { passcode: "p".repeat(257) }, 400, /"passcode"/],
  ["a ttl with a fraction", "POST", "controller/lease", { ttl_ms: 0.5 }, 400, /"ttl_ms"/],
  ["a negative ttl", "POST", "controller/lease", { ttl_ms: -5 }, 400, /"ttl_ms"/],
  ["a ttl in words", "POST", "controller/lease", { ttl_ms: "30000" }, 400, /"ttl_ms"/],
  ["a reason that is a list", "POST", "controller/lease", { reason: ["r"] }, 400, /"reason"/],
  ["no token", "DELETE", handshakeRoute, undefined, 400, /"controller_token"/],
  ["an empty token", "POST", `${handshakeRoute}/renew`, {}, 400, /"controller_token"/],
  [
    "a token too long",
    "DELETE",
    "controller/lease",
    { controller_token: "t".repeat(257) },
    400,
    /"controller_token"/,
  ],
];

test.each(bad)("%s is a bad request that changes nothing", async (...args) => {
  const [, method, route, body, status, message] = args;
  await using service = await runGolden();
  await promoted(service);
  const before = await look(service);
  const seen = await oldClient(service)(method, `/sessions/s1/${route}`, body);
  expect(seen).toMatchObject({
    status,
    contentType: "application/json; charset=utf-8",
    body: { error: "bad_request", message: expect.stringMatching(message) },
  });
  expect(await look(service)).toEqual(before);
});

test.each([
  ["no content type", {}],
  ["text/plain", { "content-type": "text/plain" }],
  ["that of a form", { "content-type": "application/x-www-form-urlencoded" }],
])("a JSON body with %s is read all the same", async (_what, headers) => {
  await using service = await runGolden();
  const call = oldClient(service);
  const asked = JSON.stringify(ask);
  expect(await call("POST", `/sessions/s1/${handshakeRoute}`, asked, headers)).toMatchObject({
    status: 200,
  });
});

test.each([
  ["too long an id", "s".repeat(129), 400, /"session_id"/],
  ["an encoded slash", "a%2Fb", 400, /"session_id"/],
  ["an id as long as HTTP lets in", "s".repeat(15_000), 400, /^"session_id" must be 1 to 128/],
  ["a broken escape", "%zz", 400, /^the path must be percent-encoded UTF-8$/],
])("a session with %s is a bad request", async (_what, id, status, message) => {
  await using service = await runGolden();
  const seen = await oldClient(service)("POST", `/sessions/${id}/${handshakeRoute}`, ask);
  expect(seen).toMatchObject({
    status,
    body: { error: "bad_request", message: expect.stringMatching(message) },
  });
});

test("an unknown route answers in the same words", async () => {
  await using service = await runGolden();
  expect(await oldClient(service)("POST", `/sessions/${freshId()}/nothing`, {})).toMatchObject({
    status: 404,
    body: { error: "not_found", message: expect.any(String) },
  });
});

/** Session s1 with its first handshake promoted; answers the handshake's id. */
async function promoted(service: RunningService): Promise<string> {
  const { body } = await oldClient(service)("POST", "/sessions/s1/controller-handshake", ask);
  const { controller_auto_attach: attach } = body as {
    controller_auto_attach: { handshake_id: string };
  };
  await service.registry.reportTransport({ reports: [readyReport("s1", attach.handshake_id)] });
  return attach.handshake_id;
}

async function look(service: RunningService): Promise<unknown> {
  const { sessions } = await service.registry.listSessions({ privateBeachId: beach });
  return sessions.map(({ leases, transport }) => ({
    leases,
    version: transport?.version,
    handshakeId: transport?.handshakeId,
  }));
}
