import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";

import { LeaseSchema } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  type SessionSummary,
  SessionSummarySchema,
} from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  TransportChange,
  TransportHealth,
  TransportPath,
  type TransportState,
  TransportStateSchema,
} from "../../src/gen/beach/controller/v1/transport_pb.js";

let version = 0n;

/** A state with a version of its own; pending unless told otherwise. */
export function stateOf(
  sessionId: string,
  changes: MessageInitShape<typeof TransportStateSchema> = {},
): TransportState {
  version += 1n;
  return create(TransportStateSchema, {
    sessionId,
    version,
    path: TransportPath.PENDING,
    lastChange: TransportChange.ATTACHED,
    lastChangeReason: "attached",
    ...changes,
  });
}

/** Promoted and healthy, beside whatever else there is. */
export function usable(
  sessionId: string,
  handshakeId: string,
  changes: MessageInitShape<typeof TransportStateSchema> = {},
): TransportState {
  return stateOf(sessionId, {
    path: TransportPath.FAST_PATH,
    health: TransportHealth.HEALTHY,
    handshakeId,
    lastChange: TransportChange.PROMOTED,
    lastChangeReason: "confirmed",
    ...changes,
  });
}

export function dead(
  sessionId: string,
  handshakeId: string,
  changes: MessageInitShape<typeof TransportStateSchema> = {},
): TransportState {
  return usable(sessionId, handshakeId, {
    path: TransportPath.HTTP_FALLBACK,
    health: TransportHealth.LOST,
    lastChange: TransportChange.HEALTH_CHANGED,
    lastChangeReason: "connection_closed",
    ...changes,
  });
}

/** A session as it is listed, with leases that have so long left. */
export function summaryOf(
  transport: TransportState,
  leases: Readonly<Record<string, number>>,
  serviceNowMs: number,
): SessionSummary {
  return create(SessionSummarySchema, {
    sessionId: transport.sessionId,
    privateBeachId: "beach-1",
    transport,
    leases: Object.entries(leases).map(([leaseId, leftMs]) =>
      create(LeaseSchema, {
        leaseId,
        sessionId: transport.sessionId,
        expiresAt: timestampFromMs(serviceNowMs + leftMs),
        expiresIn: durationFromMs(leftMs),
      }),
    ),
  });
}
