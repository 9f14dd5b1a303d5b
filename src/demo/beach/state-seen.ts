import {
  TransportChange,
  TransportHealth,
  TransportPath,
  type TransportState,
} from "../../gen/beach/controller/v1/transport_pb.js";
import type { StateSeen } from "./messages.ts";

/** A transport state in words, for a process that watches the watchers. */
export function stateSeen(state: TransportState): StateSeen {
  return {
    kind: "state",
    sessionId: state.sessionId,
    path: TransportPath[state.path],
    health: TransportHealth[state.health],
    generation: Number(state.generation),
    handshakeId: state.handshakeId,
    negotiating: state.negotiation?.handshakeId ?? "",
    change: TransportChange[state.lastChange],
    reason: state.lastChangeReason,
    liveLeases: state.liveLeases,
  };
}
