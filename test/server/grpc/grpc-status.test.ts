import { expect, test } from "vitest";

import { refusalToConnectError } from "../../../src/api/refusal/error-mapping.ts";
import { trailersOf } from "../../../src/server/grpc/grpc-status.ts";

test("the trailers of a refusal are made once for all who are refused with it", () => {
  const refuse = (): object =>
    trailersOf(refusalToConnectError({ reason: "SESSION_UNKNOWN" }, "renew the lease"));
  expect(refuse()).toBe(refuse());
});
