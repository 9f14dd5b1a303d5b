import { describe, expect, test } from "vitest";
import { startFakeRoad } from "../../src/demo/road/fake-road.ts";
import { beach } from "../api/conformance/conformance-subject.ts";
import { type JwtMode, jwtMode } from "../support/process/jwt-mode.ts";
import { type RunningService, runService } from "../support/process/run-service.ts";
import { breakSession } from "../support/service/broken-session.ts";
import { type ManualClock, manualClock } from "../support/service/manual-clock.ts";
import { sequentialIds } from "../support/service/sequential-ids.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { insertion, sessionRecord } from "../support/store/store-records.ts";
import { oldClient, type Seen } from "./old-client.ts";

const startsAt = Date.parse("2026-01-02T03:04:05.000Z");
const join = { passcode: "123456", requester_private_beach_id: beach };
const handshakePath = "/sessions/s1/controller-handshake";
const leasePath = "/sessions/s1/controller/lease";
const mismatch = { error: "conflict", message: "controller mismatch" };

type Call = ReturnType<typeof oldClient>;

interface Dev extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly service: RunningService;
  readonly call: Call;
}

async function dev(): Promise<Dev> {
  const clock = manualClock(startsAt);
  const service = await runService({ clock, ids: sequentialIds() });
  return {
    clock,
    service,
    call: oldClient(service),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

function tokenIn({ body }: Seen): string {
  return (body as { controller_token: string }).controller_token;
}

describe("Old clients", () => {
  test("whose proxy strips the body of a DELETE release by the query", async () => {
    await using it = await dev();
    const token = tokenIn(await it.call("POST", handshakePath, join));
    for (const path of [handshakePath, leasePath]) {
      const answer = await fetch(it.service.httpUrl(`${path}?controller_token=${token}`), {
        method: "DELETE",
        headers: { "content-type": "application/json", "content-length": "0" },
      });
      expect([answer.status, await answer.json()]).toEqual([200, { released: true }]);
    }
  });

  test("may send fields that nobody knows, transports in any spelling, and see none of them", async () => {
    await using it = await dev();
    const plain = await it.call("POST", handshakePath, join);
    for (const transport of ["fast_path", "webrtc", "http_fallback", "pending", { kind: "new" }]) {
      const more = { transport, fast_path: transport, version: 7 };
      expect(await it.call("POST", handshakePath, { ...join, ...more })).toEqual(plain);
      const token = { controller_token: tokenIn(plain) };
      const renewed = await it.call("POST", `${handshakePath}/renew`, { ...token, ...more });
      expect(Object.keys(renewed.body as object).sort()).toEqual([
        "controller_token",
        "handshake_kind",
        "lease_expires_at_ms",
        "manager_url",
        "private_beach_id",
        "stale_session_idle_secs",
        "viewer_health_interval_secs",
      ]);
      const lease = await it.call("POST", leasePath, { reason: "surfer", ...more });
      expect(Object.keys(lease.body as object).sort()).toEqual([
        "controller_token",
        "expires_at_ms",
      ]);
    }
  });

  test("that ask for the remaining ttl, and renew at half of it, never lose their lease", async () => {
    await using it = await dev();
    await it.service.registry.attachSession({ sessionId: "s1", privateBeachId: beach });
    let last = await it.call("POST", leasePath, { ttl_ms: 30_000 });
    const token = tokenIn(last);
    for (let renewal = 0; renewal < 20; renewal += 1) {
      const { expires_at_ms } = last.body as { expires_at_ms: number };
      const leftMs = expires_at_ms - it.clock.now();
      await it.clock.advance(Math.floor(leftMs / 2));
      last = await it.call("POST", leasePath, { ttl_ms: Math.floor(leftMs / 2) });
      expect(last).toMatchObject({ status: 200, body: { controller_token: token } });
    }
    expect(last.body).toMatchObject({ expires_at_ms: it.clock.now() + 10_000 });
  });

  test("in two tabs share a token: closing one ends it for both", async () => {
    await using it = await dev();
    const first = tokenIn(await it.call("POST", handshakePath, join));
    expect(tokenIn(await it.call("POST", handshakePath, join))).toBe(first);
    const token = { controller_token: first };
    expect(await it.call("DELETE", handshakePath, token)).toMatchObject({ status: 200 });
    expect(await it.call("POST", `${handshakePath}/renew`, token)).toMatchObject({
      status: 409,
      body: mismatch,
    });
    expect(tokenIn(await it.call("POST", handshakePath, join))).not.toBe(first);
  });

  test("that are an agent and a tile hold a lease each on one session", async () => {
    await using it = await dev();
    const tile = tokenIn(await it.call("POST", handshakePath, join));
    const agent = tokenIn(await it.call("POST", leasePath, { reason: "pong_autopilot:lhs" }));
    expect(agent).not.toBe(tile);
    await it.call("DELETE", leasePath, { controller_token: agent });
    const renewed = await it.call("POST", `${handshakePath}/renew`, { controller_token: tile });
    expect(renewed).toMatchObject({ status: 200, body: { controller_token: tile } });
    expect(tokenIn(await it.call("POST", leasePath, { reason: "pong_autopilot:lhs" }))).not.toBe(
      agent,
    );
  });

  test("that renew a second before the end keep their lease, and a second after do not", async () => {
    await using it = await dev();
    const token = tokenIn(await it.call("POST", handshakePath, join));
    const renew = (): Promise<Seen> =>
      it.call("POST", `${handshakePath}/renew`, { controller_token: token });
    await it.clock.advance(29_000);
    expect(await renew()).toMatchObject({
      status: 200,
      body: { controller_token: token, lease_expires_at_ms: it.clock.now() + 30_000 },
    });
    await it.clock.advance(31_000);
    expect(await renew()).toMatchObject({ status: 409, retryAfter: null, body: mismatch });
    // What ended never revives; a tile that asks anew holds another lease.
    const again = await it.call("POST", handshakePath, join);
    expect(again).toMatchObject({ status: 200 });
    expect(tokenIn(again)).not.toBe(token);
    expect(await renew()).toMatchObject({ status: 409, body: mismatch });
  });

  test("that acquire again a second after the end hold another lease by the lease route", async () => {
    await using it = await dev();
    await it.service.registry.attachSession({ sessionId: "s1", privateBeachId: beach });
    const ask = { reason: "surfer", ttl_ms: 10_000 };
    const token = tokenIn(await it.call("POST", leasePath, ask));
    await it.clock.advance(9_000);
    expect(tokenIn(await it.call("POST", leasePath, ask))).toBe(token);
    await it.clock.advance(11_000);
    expect(tokenIn(await it.call("POST", leasePath, ask))).not.toBe(token);
  });

  test("learn nothing about a bug except that there was one", async () => {
    await using folder = await storeFolder();
    {
      await using store = await folder.open();
      await store.commit(insertion(sessionRecord({ id: "s1", activeAt: Date.now() })));
      await breakSession(store, "s1", undefined);
    }
    await using service = await runService({ store: { path: folder.storePath } });
    expect(await oldClient(service)("POST", leasePath, { reason: "surfer" })).toEqual({
      status: 500,
      contentType: "application/json; charset=utf-8",
      retryAfter: null,
      body: { error: "internal_error", message: null },
    });
  });
});

interface Jwt extends AsyncDisposable {
  readonly jwt: JwtMode;
  readonly service: RunningService;
  /** Calls with a bearer, or with none. */
  as(bearer: string | undefined): Call;
}

async function inJwtMode(env: Readonly<Record<string, string>> = {}): Promise<Jwt> {
  const stack = new AsyncDisposableStack();
  const jwt = stack.use(await jwtMode(startsAt));
  const road = stack.use(await startFakeRoad());
  road.register("s1", join.passcode);
  const service = stack.use(
    await runService({
      clock: manualClock(startsAt),
      ids: sequentialIds(),
      env: { ...jwt.env, LEASE_ROAD_URL: road.url, ...env },
    }),
  );
  return {
    jwt,
    service,
    as(bearer) {
      const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
      const headers = { "content-type": "application/json", ...authorization };
      return (method, path, body = {}) => oldClient(service)(method, path, body, headers);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const token = { controller_token: "t" };
const routes: readonly (readonly ["POST" | "DELETE", string, unknown])[] = [
  ["POST", handshakePath, join],
  ["POST", `${handshakePath}/renew`, token],
  ["DELETE", handshakePath, token],
  ["POST", leasePath, {}],
  ["DELETE", leasePath, token],
];

const contentType = "application/json; charset=utf-8";

describe("Old clients with bearers", () => {
  test.each(routes)("%s %s needs one: 401 without a message", async (method, path, body) => {
    await using it = await inJwtMode();
    const unauthorized = {
      status: 401,
      contentType,
      retryAfter: null,
      body: { error: "unauthorized", message: null },
    };
    expect(await it.as(undefined)(method, path, body)).toEqual(unauthorized);
    expect(await it.as("no bearer at all")(method, path, body)).toEqual(unauthorized);
    const ended = await it.jwt.person({ aud: "somebody else" });
    expect(await it.as(ended)(method, path, body)).toEqual(unauthorized);
    // A bearer that acts everywhere is of no use outside.
    expect(await it.as(await it.jwt.manager())(method, path, body)).toEqual(unauthorized);
  });

  test.each(routes)("%s %s needs a scope: 403 with its name", async (method, path, body) => {
    await using it = await inJwtMode();
    const without = await it.jwt.person({ scope: "pb:control.read" });
    expect(await it.as(without)(method, path, body)).toEqual({
      status: 403,
      contentType,
      retryAfter: null,
      body: { error: "forbidden", message: "pb:control.write" },
    });
  });

  test("join with pb:sessions.read and a passcode, but release with pb:control.write alone", async () => {
    await using it = await inJwtMode();
    const viewer = it.as(await it.jwt.person({ scope: "pb:sessions.read" }));
    const joined = await viewer("POST", handshakePath, join);
    expect(joined).toMatchObject({ status: 200, body: { handshake_kind: "renegotiate" } });
    const body = { controller_token: tokenIn(joined) };
    expect(await viewer("DELETE", handshakePath, body)).toMatchObject({
      status: 403,
      body: { error: "forbidden", message: "pb:control.write" },
    });
    const tile = it.as(await it.jwt.person());
    expect(await tile("DELETE", handshakePath, body)).toMatchObject({
      status: 200,
      body: { released: true },
    });
  });

  test("without an account get the code that the dashboard reads", async () => {
    await using it = await inJwtMode();
    const nobody = it.as(await it.jwt.person({ account_id: undefined }));
    expect(await nobody("POST", handshakePath, join)).toEqual({
      status: 409,
      contentType,
      retryAfter: null,
      body: {
        error: "conflict",
        message: expect.stringMatching(/\baccount\b/),
        error_code: "account_missing",
      },
    });
  });

  test("of another private beach do not learn that the session exists", async () => {
    await using it = await inJwtMode();
    const owner = it.as(await it.jwt.person());
    const held = { controller_token: tokenIn(await owner("POST", handshakePath, join)) };
    const stranger = it.as(await it.jwt.person({ private_beach_id: "beach-2" }));
    for (const [method, path] of routes.slice(1)) {
      expect(await stranger(method, path, held)).toEqual({
        status: 404,
        contentType,
        retryAfter: null,
        body: { error: "not_found", message: "session not found" },
      });
    }
  });

  test("are asked to retry while their bearer cannot be verified", async () => {
    await using it = await inJwtMode({
      LEASE_AUTH_JWKS_FILE: "",
      LEASE_AUTH_JWKS_URL: "http://127.0.0.1:9/jwks.json",
    });
    expect(await it.as(await it.jwt.person())("POST", handshakePath, join)).toEqual({
      status: 503,
      contentType,
      retryAfter: "1",
      body: { error: "upstream_error", message: expect.stringContaining("keys") },
    });
  });
});
