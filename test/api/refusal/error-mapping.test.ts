import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import {
  legacyInternalError,
  refusalToConnectError,
  refusalToLegacy,
  thrownRefusal,
} from "../../../src/api/refusal/error-mapping.ts";
import type { Refusal } from "../../../src/api/refusal/result.ts";
import { BudgetSpent } from "../../../src/budget/budgets.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../src/gen/google/rpc/error_details_pb.js";
import { StoreUnavailable } from "../../../src/service/session-store.ts";

const wait = { retryAfterMs: 1500.25 };
const wrongFields = [
  { field: "ttl", description: "must be above zero" },
  { field: "reason", description: "must be at most 64 characters" },
];

type Row = readonly [Refusal, keyof typeof Code, number, string, string | null | RegExp];

const table: readonly Row[] = [
  [{ reason: "SESSION_UNKNOWN" }, "NotFound", 404, "not_found", "session not found"],
  [
    { reason: "LEASE_NOT_LIVE", endedBy: "expired" },
    "FailedPrecondition",
    409,
    "conflict",
    "controller mismatch",
  ],
  [{ reason: "REVOKED", ...wait }, "PermissionDenied", 403, "forbidden", /revoked/],
  [{ reason: "PASSCODE_WRONG" }, "PermissionDenied", 403, "forbidden", "invalid_passcode"],
  [{ reason: "ACCOUNT_MISSING" }, "FailedPrecondition", 409, "conflict", /account/],
  [{ reason: "NOT_YOUR_BEACH" }, "PermissionDenied", 403, "forbidden", /private beach/],
  [
    { reason: "SCOPE_MISSING", scope: "pb:control.write" },
    "PermissionDenied",
    403,
    "forbidden",
    "pb:control.write",
  ],
  [{ reason: "UNAUTHENTICATED" }, "Unauthenticated", 401, "unauthorized", null],
  [
    { reason: "FIELD_INVALID", violations: wrongFields },
    "InvalidArgument",
    400,
    "bad_request",
    /"ttl" must be above zero; "reason" must be/,
  ],
  [{ reason: "CONTENDED", ...wait }, "Unavailable", 503, "upstream_error", /1501 ms/],
  [{ reason: "STORE_UNAVAILABLE", ...wait }, "Unavailable", 503, "upstream_error", /store/],
  [{ reason: "ROAD_UNAVAILABLE", ...wait }, "Unavailable", 503, "upstream_error", /Beach Road/],
  [{ reason: "READER_STALLED", ...wait }, "Unavailable", 503, "upstream_error", /not read/],
  [
    { reason: "TOO_MANY", what: "leases", ...wait },
    "ResourceExhausted",
    429,
    "too_many_requests",
    /leases/,
  ],
  [
    { reason: "TOO_MANY", what: "message_bytes", ...wait },
    "ResourceExhausted",
    429,
    "too_many_requests",
    /1048576 bytes.* try again in 1501 ms/,
  ],
];

describe("the one table of refusals", () => {
  test.each(table)("answers %j in both protocols", (...row) => {
    const [refusal, code, status, word, message] = row;
    const error = refusalToConnectError(refusal, "renew the lease");
    expect(Code[error.code]).toBe(code);
    expect(error.rawMessage).toMatch(/^Cannot renew the lease: .*[^.]$/);
    const legacy = refusalToLegacy(refusal);
    expect([legacy.status, legacy.body.error]).toEqual([status, word]);
    if (message instanceof RegExp) expect(legacy.body.message).toMatch(message);
    else expect(legacy.body.message).toBe(message);
  });

  test.each(table)("puts the reason of %j into an ErrorInfo", (refusal) => {
    const [info, ...more] = refusalToConnectError(refusal, "act").findDetails(ErrorInfoSchema);
    expect(info).toMatchObject({ reason: refusal.reason, domain: "controller.beach" });
    expect(more).toEqual([]);
  });

  test("knows a budget that is spent by its name", () => {
    expect(thrownRefusal(new BudgetSpent("message_bytes", 500))).toEqual({
      reason: "TOO_MANY",
      what: "message_bytes",
      retryAfterMs: 500,
    });
  });

  test("says how long to wait wherever waiting helps", () => {
    for (const [refusal] of table) {
      const error = refusalToConnectError(refusal, "act");
      const [retry] = error.findDetails(RetryInfoSchema);
      const delay = retry?.retryDelay === undefined ? undefined : durationMs(retry.retryDelay);
      expect(delay).toBe("retryAfterMs" in refusal ? 1500 : undefined);
      const seconds = refusalToLegacy(refusal).retryAfterSeconds;
      expect(seconds).toBe("retryAfterMs" in refusal ? 2 : undefined);
    }
  });

  test("adds what a program needs to distinguish refusals with one reason", () => {
    const metadata = (refusal: Refusal) =>
      refusalToConnectError(refusal, "act").findDetails(ErrorInfoSchema)[0]?.metadata;
    expect(metadata({ reason: "LEASE_NOT_LIVE", endedBy: "revoked" })).toEqual({
      ended_by: "revoked",
    });
    expect(metadata({ reason: "SCOPE_MISSING", scope: "pb:x" })).toEqual({ scope: "pb:x" });
    expect(metadata({ reason: "TOO_MANY", what: "leases", ...wait })).toEqual({ what: "leases" });
    expect(metadata({ reason: "PASSCODE_WRONG" })).toEqual({});
  });

  test("lists every wrong field in a BadRequest", () => {
    const refusal: Refusal = { reason: "FIELD_INVALID", violations: wrongFields };
    const [bad] = refusalToConnectError(refusal, "act").findDetails(BadRequestSchema);
    expect(bad?.fieldViolations).toMatchObject(wrongFields);
  });

  test("lists at most sixteen wrong fields, and counts the rest", () => {
    const wrong = (count: number): Refusal => ({
      reason: "FIELD_INVALID",
      violations: Array.from({ length: count }, (_, n) => ({ field: `f${n}`, description: "is" })),
    });
    const all = refusalToConnectError(wrong(16), "act");
    expect(all.findDetails(BadRequestSchema)[0]?.fieldViolations).toHaveLength(16);
    expect(all.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({});
    expect(all.rawMessage).toMatch(/; "f15" is$/);

    const some = refusalToConnectError(wrong(1000), "act");
    expect(some.findDetails(BadRequestSchema)[0]?.fieldViolations).toHaveLength(16);
    expect(some.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ not_listed: "984" });
    for (const message of [some.rawMessage, refusalToLegacy(wrong(1000)).body.message]) {
      expect(message).toMatch(/; "f15" is; and 984 more$/);
    }
  });

  test("names an error_code for the missing account, and for nothing else", () => {
    const codes = table.map(([refusal]) => refusalToLegacy(refusal).body.error_code);
    expect(codes.filter((code) => code !== undefined)).toEqual(["account_missing"]);
    expect(refusalToLegacy({ reason: "ACCOUNT_MISSING" }).body.error_code).toBe("account_missing");
  });

  test("knows a store fault from a bug, and shows nothing of the latter", () => {
    expect(thrownRefusal(new StoreUnavailable("disk full"))?.reason).toBe("STORE_UNAVAILABLE");
    expect(thrownRefusal(new TypeError("secret"))).toBeUndefined();
    expect(legacyInternalError.body).toEqual({ error: "internal_error", message: null });
  });
});

test("callers who are refused in the same words share an error, and others do not", () => {
  const refuse = (refusal: Refusal, action = "act"): unknown =>
    refusalToConnectError(refusal, action);
  for (const [refusal] of table) expect(refuse({ ...refusal })).toBe(refuse({ ...refusal }));
  const known: Refusal = { reason: "TOO_MANY", what: "beach_sessions", retryAfterMs: 1_000 };
  const others: readonly Refusal[] = [
    { ...known, what: "sessions" },
    { ...known, retryAfterMs: 1_001 },
    { reason: "FIELD_INVALID", violations: wrongFields.slice(1) },
  ];
  for (const other of others) expect(refuse(other)).not.toBe(refuse(known));
  expect(refuse(known, "act otherwise")).not.toBe(refuse(known));
});
