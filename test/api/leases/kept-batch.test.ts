import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";

import { Kept, type ResultInit } from "../../../src/api/leases/kept.ts";
import { KeptBatch } from "../../../src/api/leases/kept-batch.ts";
import {
  HandshakeKind,
  KeepAliveResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { TransportPath } from "../../../src/gen/beach/controller/v1/transport_pb.js";

// No session is without an id.
const id = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 300 });
const ms = fc.double({ min: 0, max: 10 ** 13, noNaN: true });

const kept: fc.Arbitrary<Kept> = fc
  .record({
    sessionId: id,
    expiresAt: ms,
    expiresInMs: fc.oneof(
      ms,
      ms.map((left) => -left),
    ),
    renewAfterMs: ms,
    generation: fc.maxSafeNat(),
    path: fc.constantFrom(TransportPath.UNSPECIFIED, TransportPath.FAST_PATH),
  })
  .map((values) => new Kept(values));

const other: fc.Arbitrary<ResultInit> = fc.record({
  sessionId: fc.string(),
  refusal: fc.constantFrom("", "LEASE_NOT_LIVE"),
  handshakeKind: fc.constantFrom(HandshakeKind.UNSPECIFIED, HandshakeKind.RENEGOTIATE),
  offer: fc.record({ handshakeId: fc.string(), managerUrl: fc.string({ maxLength: 20_000 }) }),
});

test("the answer to a batch is, byte for byte, what protobuf makes of the same results", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(kept, other), { maxLength: 30 }), (results) => {
      const batch = new KeptBatch(results);
      const message = create(KeepAliveResponseSchema, { results: batch.results });
      expect(Buffer.from(batch.toBinary())).toEqual(
        Buffer.from(toBinary(KeepAliveResponseSchema, message)),
      );
    }),
  );
});
