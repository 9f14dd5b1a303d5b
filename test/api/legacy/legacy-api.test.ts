import { describe, expect, test } from "vitest";
import { createLegacyApi, type LegacyApi } from "../../../src/api/legacy/legacy-api.ts";
import type { LegacyRequest } from "../../../src/api/legacy/legacy-parse.ts";
import type { Principal } from "../../../src/auth/principal.ts";
import type { Session } from "../../../src/core/session.ts";
import { ConnectionState } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { type ServiceUnderTest, serviceUnderTest } from "../../support/service/session-service.ts";
import { dependenciesFor, everybodyIs, inMemory } from "../api-under-test.ts";
import { readyReport } from "../conformance/conformance-subject.ts";
import { person } from "../principals.ts";

type Json = Readonly<Record<string, unknown>>;

interface Legacy extends AsyncDisposable {
  readonly under: ServiceUnderTest;
  readonly api: LegacyApi;
}

async function legacy(principal?: Principal): Promise<Legacy> {
  const under = await serviceUnderTest();
  const overrides = principal === undefined ? {} : { authenticator: everybodyIs(principal) };
  const api = createLegacyApi(dependenciesFor(under.service, { door: "public", ...overrides }));
  return { under, api, [Symbol.asyncDispose]: () => under[Symbol.asyncDispose]() };
}

function request(body: unknown, changes: Partial<LegacyRequest> = {}): LegacyRequest {
  return { sessionId: "s-1", body, query: {}, requestHeader: new Headers(), ...changes };
}

const join = { passcode: "123456", requester_private_beach_id: "beach-1" };

/** The JSON that a client gets. */
function json(body: unknown): Json {
  return JSON.parse(JSON.stringify(body)) as Json;
}

async function promote({ service }: ServiceUnderTest, handshakeId: string): Promise<void> {
  const { registry } = inMemory(dependenciesFor(service));
  await registry.reportTransport({ reports: [readyReport("s-1", handshakeId)] });
}

/** The manager says that the connection of a promoted handshake has failed. */
async function fail({ service }: ServiceUnderTest, handshakeId: string): Promise<void> {
  const { registry } = inMemory(dependenciesFor(service));
  const connection = ConnectionState.FAILED;
  const report = readyReport("s-1", handshakeId, { connection, channels: [] });
  await registry.reportTransport({ reports: [report] });
}

describe("POST controller-handshake", () => {
  test("answers a first join with every field, numbers as numbers", async () => {
    await using it = await legacy();
    const { status, body } = await it.api.acquireByHandshake(request(join));
    const reply = json(body);
    expect(status).toBe(200);
    const autoAttach = reply.controller_auto_attach as Json;
    expect(reply).toEqual({
      private_beach_id: "beach-1",
      manager_url: "http://127.0.0.1:8080",
      controller_token: expect.stringMatching(/^[\w-]{43}$/),
      lease_expires_at_ms: it.under.clock.now() + 30_000,
      stale_session_idle_secs: 60,
      viewer_health_interval_secs: 15,
      controller_auto_attach: {
        private_beach_id: "beach-1",
        attach_code: "123456",
        manager_url: "http://127.0.0.1:8080",
        issued_at: new Date(it.under.clock.now()).toISOString(),
        expires_at: new Date(it.under.clock.now() + 15_000).toISOString(),
        handshake_id: autoAttach.handshake_id,
      },
      handshake_kind: "renegotiate",
    });
    expect(autoAttach.handshake_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("repeated over a live fast path only moves the expiry", async () => {
    await using it = await legacy();
    const first = json((await it.api.acquireByHandshake(request(join))).body);
    const { handshake_id: handshakeId } = first.controller_auto_attach as { handshake_id: string };
    await promote(it.under, handshakeId);
    await it.under.clock.advance(9000);
    const reply = json((await it.api.acquireByHandshake(request(join))).body);
    expect(reply).toMatchObject({
      controller_token: first.controller_token,
      lease_expires_at_ms: it.under.clock.now() + 30_000,
      handshake_kind: "refresh",
      controller_auto_attach: { handshake_id: handshakeId, attach_code: "123456" },
    });
    expect(reply.controller_auto_attach).not.toHaveProperty("expires_at");
  });

  test("names an abandoned handshake while a recovery backs off: it may still win", async () => {
    await using it = await legacy();
    const first = json((await it.api.acquireByHandshake(request(join))).body);
    const { handshake_id, issued_at } = first.controller_auto_attach as Json;
    const issuedAt = it.under.clock.now();
    await it.under.clock.advance(15_001);
    const newcomer = { ...join, passcode: "654321" };
    const reply = json((await it.api.acquireByHandshake(request(newcomer))).body);
    expect(reply).toMatchObject({
      handshake_kind: "refresh",
      controller_auto_attach: {
        private_beach_id: "beach-1",
        attach_code: "654321",
        manager_url: "http://127.0.0.1:8080",
        handshake_id,
        issued_at,
        expires_at: new Date(issuedAt + 75_000).toISOString(),
      },
    });
    await promote(it.under, String(handshake_id));
    const { transport } = (await it.under.service.find("s-1")) as Session;
    expect(transport.path).toMatchObject({ kind: "active", current: { id: handshake_id } });
  });

  test("gives a hint without a handshake when none is left that could win", async () => {
    await using it = await legacy();
    const first = json((await it.api.acquireByHandshake(request(join))).body);
    const { handshake_id: id } = first.controller_auto_attach as { handshake_id: string };
    await promote(it.under, id);
    await fail(it.under, id);
    const second = json((await it.api.acquireByHandshake(request(join))).body);
    const { handshake_id: next } = second.controller_auto_attach as { handshake_id: string };
    await promote(it.under, next);
    await fail(it.under, next);
    const reply = json((await it.api.acquireByHandshake(request(join))).body);
    expect(reply.handshake_kind).toBe("refresh");
    expect(reply.controller_auto_attach).toEqual({
      private_beach_id: "beach-1",
      attach_code: "123456",
      manager_url: "http://127.0.0.1:8080",
      issued_at: expect.stringMatching(/Z$/),
    });
  });

  test.each<[string, unknown, string]>([
    ["no body", undefined, "passcode"],
    ["no passcode", {}, "passcode"],
    ["an empty passcode", { passcode: "" }, "passcode"],
    ["a passcode of blanks", { passcode: " \t" }, "passcode"],
    ["a passcode that is null", { passcode: null }, "passcode"],
    ["a passcode that is a number", { passcode: 123456 }, "passcode"],
    ["a passcode that is too long", { passcode: "1".repeat(257) }, "passcode"],
    ["a body that is a list", [], "body"],
    ["a body that is a string", "passcode", "body"],
    [
      "a beach that is a number",
      { passcode: "1", requester_private_beach_id: 7 },
      "requester_private_beach_id",
    ],
    [
      "a beach that cannot be",
      { passcode: "1", requester_private_beach_id: "a/b" },
      "requester_private_beach_id",
    ],
    ["an unknown session and no beach", { passcode: "1" }, "requester_private_beach_id"],
  ])("with %s is a 400 that names the field, and changes nothing", async (_what, body, field) => {
    await using it = await legacy();
    const answer = await it.api.acquireByHandshake(request(body));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      error: "bad_request",
      message: expect.stringContaining(`"${field}"`),
    });
    expect(await it.under.service.find("s-1")).toBeUndefined();
  });

  test("with a session id that cannot be is a 400", async () => {
    await using it = await legacy();
    const answer = await it.api.acquireByHandshake(request(join, { sessionId: "a/b" }));
    expect(answer).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('"session_id"') },
    });
  });

  test("without an account is a 409 with the code that the dashboard reads", async () => {
    await using it = await legacy(person({ account: undefined }));
    const { status, body } = await it.api.acquireByHandshake(request(join));
    expect(status).toBe(409);
    expect(body).toMatchObject({ error: "conflict", error_code: "account_missing" });
  });
});

describe("POST controller-handshake/renew", () => {
  test("answers the same fields, and is always a refresh", async () => {
    await using it = await legacy();
    const first = json((await it.api.acquireByHandshake(request(join))).body);
    await it.under.clock.advance(5000);
    const body = { controller_token: first.controller_token };
    const answer = await it.api.renewHandshake(request(body));
    expect(answer.status).toBe(200);
    expect(json(answer.body)).toEqual({
      private_beach_id: "beach-1",
      manager_url: "http://127.0.0.1:8080",
      controller_token: first.controller_token,
      lease_expires_at_ms: it.under.clock.now() + 30_000,
      stale_session_idle_secs: 60,
      viewer_health_interval_secs: 15,
      handshake_kind: "refresh",
    });
  });

  test.each<[string, unknown, string]>([
    ["no token", {}, "controller_token"],
    ["an empty token", { controller_token: "" }, "controller_token"],
    ["a negative ttl", { controller_token: "t", ttl_ms: -1 }, "ttl_ms"],
    ["a ttl in words", { controller_token: "t", ttl_ms: "30000" }, "ttl_ms"],
    ["a ttl with a fraction", { controller_token: "t", ttl_ms: 0.5 }, "ttl_ms"],
  ])("with %s is a 400 that names the field", async (_what, body, field) => {
    await using it = await legacy();
    await it.api.acquireByHandshake(request(join));
    const before = await it.under.service.find("s-1");
    const answer = await it.api.renewHandshake(request(body));
    expect(answer).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining(`"${field}"`) },
    });
    expect(await it.under.service.find("s-1")).toEqual(before);
  });

  test("of an unknown token is a 409, of an unknown session a 404", async () => {
    await using it = await legacy();
    await it.api.acquireByHandshake(request(join));
    const body = { controller_token: "never given out" };
    expect(await it.api.renewHandshake(request(body))).toMatchObject({
      status: 409,
      body: { error: "conflict", message: "controller mismatch" },
    });
    expect(await it.api.renewHandshake(request(body, { sessionId: "s-9" }))).toMatchObject({
      status: 404,
      body: { error: "not_found", message: "session not found" },
    });
  });
});

describe("DELETE", () => {
  test.each(["releaseHandshake", "releaseLease"] as const)(
    "by %s ends the lease, by body or by query, and again is no error",
    async (method) => {
      await using it = await legacy();
      const first = json((await it.api.acquireByHandshake(request(join))).body);
      const query = { controller_token: first.controller_token };
      const answer = await it.api[method](request(undefined, { query }));
      expect(answer).toMatchObject({ status: 200, body: { released: true } });
      expect(await it.api[method](request(query))).toEqual(answer);
      const strange = { controller_token: "never given out" };
      expect(await it.api[method](request(strange))).toMatchObject({
        status: 409,
        body: { error: "conflict", message: "controller mismatch" },
      });
      expect(await it.api[method](request(undefined))).toMatchObject({ status: 400 });
    },
  );
});

describe("POST controller/lease", () => {
  test("acquires under its own reason and renews by the same call", async () => {
    await using it = await legacy();
    const { token } = await known(it);
    const body = { ttl_ms: 60_000, reason: "pong_autopilot", requesting_account_id: "agent-1" };
    const first = await it.api.acquireLease(request(body));
    expect(first.status).toBe(200);
    expect(json(first.body)).toEqual({
      controller_token: expect.stringMatching(/^[\w-]{43}$/),
      expires_at_ms: it.under.clock.now() + 60_000,
    });
    expect(json(first.body).controller_token).not.toBe(token);
    const again = await it.api.acquireLease(request(body));
    expect(again.body).toEqual(first.body);
  });

  test("takes reasons that are the same on disk for the same", async () => {
    await using it = await legacy();
    await known(it);
    const first = await it.api.acquireLease(request({ reason: "half \ud83d" }));
    const second = await it.api.acquireLease(request({ reason: "half \udc69" }));
    expect(json(second.body).controller_token).toBe(json(first.body).controller_token);
  });

  test("accepts an empty body, and null for an omitted field", async () => {
    await using it = await legacy();
    await known(it);
    expect(await it.api.acquireLease(request(undefined))).toMatchObject({ status: 200 });
    const nothing = { ttl_ms: null, reason: null, requesting_account_id: null };
    expect(await it.api.acquireLease(request(nothing))).toMatchObject({ status: 200 });
  });

  test("keeps a ttl that shrinks from request to request at its minimum", async () => {
    await using it = await legacy();
    await known(it);
    const answer = await it.api.acquireLease(request({ ttl_ms: 1, reason: "harness" }));
    expect(json(answer.body).expires_at_ms).toBe(it.under.clock.now() + 10_000);
  });

  test.each<[string, unknown, string]>([
    ["a ttl below zero", { ttl_ms: -1 }, "ttl_ms"],
    ["a reason that is a number", { reason: 1 }, "reason"],
    ["an account that cannot be", { requesting_account_id: "a/b" }, "requesting_account_id"],
  ])("with %s is a 400 that names the field", async (_what, body, field) => {
    await using it = await legacy();
    await known(it);
    expect(await it.api.acquireLease(request(body))).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining(`"${field}"`) },
    });
  });

  test("of an unknown session is a 404", async () => {
    await using it = await legacy();
    expect(await it.api.acquireLease(request({}))).toMatchObject({ status: 404 });
  });
});

async function known(it: Legacy): Promise<{ readonly token: unknown }> {
  const { body } = await it.api.acquireByHandshake(request(join));
  return { token: json(body).controller_token };
}
