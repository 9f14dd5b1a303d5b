import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";

import { decideKeep } from "../../../src/client/manager/lease-keeper.ts";
import { KeepAliveResultSchema } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";

const backoff = { baseMs: 250, maxMs: 10_000, spread: 0, random: () => 0.5 };

test("a lease that is kept is renewed when the service says, and never without a pause", () => {
  const renewed = (afterMs: number) =>
    decideKeep(create(KeepAliveResultSchema, { renewAfter: durationFromMs(afterMs) }), 0, backoff);
  expect(renewed(17_000)).toEqual({ kind: "renew_again", afterMs: 17_000 });
  expect(renewed(0)).toEqual({ kind: "renew_again", afterMs: 1_000 });
});

test("only the service's answer ends it", () => {
  const refused = (refusal: string, endedBy = "") =>
    decideKeep(create(KeepAliveResultSchema, { refusal, endedBy }), 3, backoff);
  expect(refused("LEASE_NOT_LIVE", "revoked")).toEqual({ kind: "ended", endedBy: "revoked" });
  expect(refused("SESSION_UNKNOWN")).toEqual({ kind: "ended", endedBy: "unknown" });
  expect(refused("CONTENDED")).toMatchObject({ kind: "retry", afterMs: 2_000 });
  expect(refused("INTERNAL")).toMatchObject({ kind: "retry", afterMs: 2_000 });
  const broken = { reason: "Unavailable", message: "away", retryAfterMs: 4_000 };
  expect(decideKeep(broken, 0, backoff)).toEqual({
    kind: "retry",
    afterMs: 4_000,
    failure: broken,
  });
});
