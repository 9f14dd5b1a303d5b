import { create, type MessageInitShape } from "@bufbuild/protobuf";

import {
  HandshakeKind,
  type KeepAliveResultSchema,
  type RenewResponse,
  RenewResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseOnHand } from "../load/calls.ts";

/** What a renewal is answered with by the floors, whose handlers decide nothing. */
export const sampleAnswer: RenewResponse = create(RenewResponseSchema, {
  handshakeKind: HandshakeKind.REFRESH,
  lease: {
    sessionId: "session-0",
    leaseId: "0193b5a0-0000-7000-8000-000000000000",
    reason: "bench",
    epoch: 1n,
    expiresAt: { seconds: 1_700_000_000n },
    expiresIn: { seconds: 30n },
    renewAfter: { seconds: 15n },
  },
  transport: { sessionId: "session-0", version: 1n, generation: 1n, liveLeases: 1 },
});

/** The same for one renewal of a KeepAlive. */
export function sampleResult(sessionId: string): MessageInitShape<typeof KeepAliveResultSchema> {
  return {
    sessionId,
    expiresAt: { seconds: 1_700_000_000n, nanos: 0 },
    expiresIn: { seconds: 30n, nanos: 0 },
    renewAfter: { seconds: 15n, nanos: 0 },
    handshakeKind: HandshakeKind.REFRESH,
    generation: 1n,
  };
}

/** As many leases as the service has, which the floors do not look at. */
export function sampleLeases(count: number): readonly LeaseOnHand[] {
  return Array.from({ length: count }, (_, index) => ({
    sessionId: `session-${index}`,
    token: "t".repeat(43),
    handshakeId: "",
  }));
}
