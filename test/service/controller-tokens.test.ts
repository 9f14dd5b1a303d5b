import { createHash, createHmac } from "node:crypto";

import { describe, expect, test } from "vitest";

import { controllerTokens } from "../../src/service/controller-tokens.ts";

const key = Buffer.alloc(32, 1);
const oldKey = Buffer.alloc(32, 2);
const leaseId = "0b9f8a5e-2f4d-4c1e-9d3a-000000000001";

describe("controller tokens", () => {
  test("are base64url(HMAC-SHA256(key, lease id)), known by the SHA-256 of their text", () => {
    const tokens = controllerTokens(key);
    const token = createHmac("sha256", key).update(leaseId).digest("base64url");
    const hash = createHash("sha256").update(token).digest("base64url");
    expect(tokens.of(leaseId, [])).toBe(token);
    expect(tokens.hash(token)).toBe(hash);
    expect(tokens.hashesOf(leaseId)).toEqual([hash]);
  });

  test("stay those of the previous key for leases that record only its hash", () => {
    const before = controllerTokens(oldKey);
    const token = before.of(leaseId, []);
    const tokens = controllerTokens(key, oldKey);
    expect(tokens.of(leaseId, [before.hash(token)])).toBe(token);
    expect(tokens.hashesOf(leaseId)[1]).toBe(before.hash(token));
  });

  test("come from the current key if the lease records it, or neither", () => {
    const tokens = controllerTokens(key, oldKey);
    const token = controllerTokens(key).of(leaseId, []);
    expect(tokens.of(leaseId, tokens.hashesOf(leaseId))).toBe(token);
    expect(tokens.of(leaseId, ["of a lost key"])).toBe(token);
  });
});
