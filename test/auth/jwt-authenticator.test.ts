import type { JSONWebKeySet } from "jose";
import { beforeAll, describe, expect, test } from "vitest";

import type { Authentication, Door } from "../../src/auth/authenticator.ts";
import { clockToleranceSeconds, jwtAuthenticator } from "../../src/auth/jwt-authenticator.ts";
import type { Principal } from "../../src/auth/principal.ts";
import { mintPublishToken } from "../../src/auth/publish-token.ts";
import { VerificationKeys } from "../../src/auth/verification-keys.ts";
import {
  audience,
  issuer,
  personClaims,
  type SigningKey,
  signed,
  signingKey,
} from "./signing-keys.ts";

const startsAt = Date.parse("2026-01-02T03:04:05.000Z");
const minuteMs = 60_000;
const toleranceMs = clockToleranceSeconds * 1000;
const publishSecret = new TextEncoder().encode("a secret that hosts and Beach share, 32+");

let key: SigningKey;
let rsaKey: SigningKey;
let strangersKey: SigningKey;

beforeAll(async () => {
  [key, rsaKey, strangersKey] = await Promise.all([
    signingKey("key-1"),
    signingKey("key-2", "RS256"),
    signingKey("key-1"),
  ]);
});

interface Gate {
  now: number;
  loads: number;
  set: JSONWebKeySet | undefined;
  whoIs(bearer: string | undefined, door?: Door, isPeerVerified?: boolean): Promise<Authentication>;
  isCurrent(principal: Principal): boolean;
}

/** A gate whose clock and key server are the test's. */
function gate(
  changes: { readonly secret?: Uint8Array | undefined } = { secret: publishSecret },
): Gate {
  const keys = new VerificationKeys({
    load: async () => {
      it.loads += 1;
      if (it.set === undefined) throw new Error("the key server is away");
      return it.set;
    },
    now: () => it.now,
    onLoaded: () => undefined,
  });
  const authenticator = jwtAuthenticator({
    keys,
    issuer,
    audience,
    publishSecret: changes.secret,
    wall: () => it.now,
  });
  const it: Gate = {
    now: startsAt,
    loads: 0,
    set: { keys: [...key.keySet.keys, ...rsaKey.keySet.keys] },
    whoIs: (bearer, door = "public", isPeerVerified = false) => {
      const requestHeader = new Headers();
      if (bearer !== undefined) requestHeader.set("authorization", `Bearer ${bearer}`);
      return authenticator.authenticate({ requestHeader, isPeerVerified }, door);
    },
    isCurrent: (principal) => authenticator.isCurrent(principal),
  };
  return it;
}

const inFiveMinutes = startsAt + 5 * minuteMs;

function refused(why: string): object {
  return { kind: "refused", refusal: { reason: "UNAUTHENTICATED", why } };
}

describe("a bearer", () => {
  test.each(["ES256", "RS256"])(
    "signed by %s names person, beach, account and scopes",
    async (alg) => {
      const it = gate();
      const bearer = await signed(alg === "ES256" ? key : rsaKey, personClaims(), inFiveMinutes);
      expect(await it.whoIs(bearer)).toEqual({
        kind: "authenticated",
        principal: {
          kind: "person",
          authenticatedBy: "jwt",
          subject: "person-1",
          scopes: ["pb:sessions.read", "pb:control.write"],
          reach: { kind: "beach", beachId: "beach-1" },
          account: "account-1",
          expiresAt: Math.floor(inFiveMinutes / 1000) * 1000,
        },
      });
    },
  );

  test("may write its scopes as a list, and need not name a beach or an account", async () => {
    const it = gate();
    const claims = personClaims({
      scope: undefined,
      scp: ["pb:sessions.read"],
      private_beach_id: undefined,
      account_id: undefined,
    });
    expect(await it.whoIs(await signed(key, claims, inFiveMinutes))).toMatchObject({
      principal: { scopes: ["pb:sessions.read"], reach: { kind: "nothing" }, account: undefined },
    });
  });

  test("of a service acts everywhere, and at the internal door alone", async () => {
    const it = gate();
    const claims = personClaims({ scope: "pb:service *", private_beach_id: undefined });
    const bearer = await signed(key, claims, inFiveMinutes);
    expect(await it.whoIs(bearer, "internal")).toMatchObject({
      principal: { kind: "service", reach: { kind: "every" } },
    });
    expect(await it.whoIs(bearer, "public")).toEqual(refused("invalid"));
  });

  test("counts until its end and the tolerance of clocks, and not a moment longer", async () => {
    const it = gate();
    const bearer = await signed(key, personClaims(), inFiveMinutes);
    const endsAt = Math.floor(inFiveMinutes / 1000) * 1000 + toleranceMs;
    it.now = endsAt - 1;
    expect(await it.whoIs(bearer)).toMatchObject({ kind: "authenticated" });
    it.now = endsAt;
    expect(await it.whoIs(bearer)).toEqual(refused("expired"));
  });

  test("of an open stream counts just as long, even while the key server is away", async () => {
    const it = gate();
    const authentication = await it.whoIs(await signed(key, personClaims(), inFiveMinutes));
    if (authentication.kind !== "authenticated") throw new Error("the bearer was refused");
    it.set = undefined;
    it.now = Math.floor(inFiveMinutes / 1000) * 1000 + toleranceMs - 1;
    expect(it.isCurrent(authentication.principal)).toBe(true);
    it.now += 1;
    expect(it.isCurrent(authentication.principal)).toBe(false);
  });

  test.each<[string, () => Promise<string> | string]>([
    ["of another issuer", () => signed(key, personClaims({ iss: "somebody" }), inFiveMinutes)],
    ["for another audience", () => signed(key, personClaims({ aud: "road" }), inFiveMinutes)],
    ["without a subject", () => signed(key, personClaims({ sub: undefined }), inFiveMinutes)],
    ["signed by another's key", () => signed(strangersKey, personClaims(), inFiveMinutes)],
    ["that is no token", () => "not-a-token"],
    ["without a signature", () => unsigned(personClaims())],
    ["that is too long", () => "x".repeat(8_193)],
  ])("%s is not valid", async (_what, bearer) => {
    const outcome = await gate().whoIs(await bearer());
    expect(outcome).toMatchObject({ kind: "refused", refusal: { reason: "UNAUTHENTICATED" } });
  });

  test("that is missing is refused as such", async () => {
    expect(await gate().whoIs(undefined)).toEqual(refused("missing"));
  });
});

describe("a publish token", () => {
  test("speaks for the host of its session", async () => {
    const { token, expiresAtMs, scopes } = await mintPublishToken(publishSecret, "s-1", {
      wall: startsAt,
    });
    expect(expiresAtMs).toBe(startsAt + 30 * minuteMs);
    expect(await gate().whoIs(token)).toEqual({
      kind: "authenticated",
      principal: {
        kind: "host",
        authenticatedBy: "publish_token",
        subject: "s-1",
        scopes,
        reach: { kind: "session", sessionId: "s-1" },
        account: undefined,
        expiresAt: expiresAtMs,
      },
    });
  });

  test("of another secret, or where none is set, is not valid", async () => {
    const other = new TextEncoder().encode("another secret, as long as it has to be");
    const { token } = await mintPublishToken(other, "s-1", { wall: startsAt });
    expect(await gate().whoIs(token)).toEqual(refused("invalid"));
    const own = await mintPublishToken(publishSecret, "s-1", { wall: startsAt });
    expect(await gate({ secret: undefined }).whoIs(own.token)).toEqual(refused("invalid"));
  });
});

describe("a client certificate", () => {
  test("that was verified stands for a service at the internal door alone", async () => {
    const it = gate();
    expect(await it.whoIs(undefined, "internal", true)).toMatchObject({
      principal: { kind: "service", authenticatedBy: "certificate", scopes: ["*"] },
    });
    expect(await it.whoIs(undefined, "public", true)).toEqual(refused("missing"));
    expect(await it.whoIs("not-a-token", "internal", true)).toEqual(refused("invalid"));
  });

  test.each([
    ["is too long", "b".repeat(8_193)],
    ["has a blank in it", "two words"],
    ["is empty", ""],
  ])("does not stand for a service beside a bearer that %s", async (_, bearer) => {
    expect(await gate().whoIs(bearer, "internal", true)).toEqual(refused("missing"));
  });
});

describe("the key server", () => {
  test("that is away leaves known keys valid, and is not asked for them", async () => {
    const it = gate();
    const bearer = await signed(key, personClaims(), inFiveMinutes);
    await it.whoIs(bearer);
    it.set = undefined;
    it.now += 4 * minuteMs;
    const other = await signed(key, personClaims({ sub: "person-2" }), inFiveMinutes);
    expect(await it.whoIs(other)).toMatchObject({ kind: "authenticated" });
    expect(it.loads).toBe(1);
  });

  test("that was never reached makes bearers wait, and refuses none", async () => {
    const it = gate();
    it.set = undefined;
    const bearer = await signed(key, personClaims(), inFiveMinutes);
    expect(await it.whoIs(bearer)).toEqual({
      kind: "refused",
      refusal: { reason: "KEYS_UNAVAILABLE", retryAfterMs: 1000 },
    });
  });

  test("is asked again for a key that is unknown, at most every 30 s", async () => {
    const it = gate();
    const next = await signingKey("key-3");
    const bearer = await signed(next, personClaims(), inFiveMinutes);
    await it.whoIs(await signed(key, personClaims(), inFiveMinutes));
    for (let call = 0; call < 5; call += 1) {
      expect(await it.whoIs(bearer)).toEqual(refused("invalid"));
    }
    expect(it.loads).toBe(1);
    it.set = next.keySet;
    it.now += 30_000;
    expect(await it.whoIs(bearer)).toMatchObject({ kind: "authenticated" });
    expect(it.loads).toBe(2);
  });

  test("that has another set ends what a withdrawn key had signed", async () => {
    const it = gate();
    const bearer = await signed(key, personClaims(), inFiveMinutes);
    await it.whoIs(bearer);
    it.set = rsaKey.keySet;
    it.now += 30_000;
    const next = await signed(await signingKey("key-4"), personClaims(), inFiveMinutes);
    await it.whoIs(next);
    expect(await it.whoIs(bearer)).toEqual(refused("invalid"));
  });
});

test("why a key set could not be loaded is told down to each address", async () => {
  const addresses = ["connect ECONNREFUSED ::1:80", "connect ECONNREFUSED 127.0.0.1:80"];
  const cause = new AggregateError(addresses.map((why) => new Error(why)));
  const keys = new VerificationKeys({
    load: () => Promise.reject(new TypeError("fetch failed", { cause })),
    now: () => startsAt,
    onLoaded: () => undefined,
  });
  await keys.load();
  expect(keys.fault).toBe(`fetch failed: ${addresses.join(", ")}`);
});

/** The attack of RFC 8725 §2.1: a token that says that it needs no signature. */
function unsigned(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(inFiveMinutes / 1000);
  return `${part({ alg: "none", kid: "key-1" })}.${part({ ...claims, exp })}.`;
}
