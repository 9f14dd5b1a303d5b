import type { MessageInitShape } from "@bufbuild/protobuf";

import {
  ChannelState,
  ConnectionState,
  TransportEnd,
  type TransportReportSchema,
} from "../../src/gen/beach/controller/v1/transport_pb.js";
import type { LeaseOnHand } from "./calls.ts";

/** What the manager says of a fast path that carries actions; `state`: of the channel for states. */
export function managerReport(
  { sessionId, handshakeId }: Pick<LeaseOnHand, "sessionId" | "handshakeId">,
  sequence: number,
  state: ChannelState,
): MessageInitShape<typeof TransportReportSchema> {
  return {
    sessionId,
    handshakeId,
    end: TransportEnd.MANAGER,
    transportId: "transport-1",
    connection: ConnectionState.CONNECTED,
    channels: [
      { label: "mgr-actions", state: ChannelState.READY },
      { label: "mgr-acks", state: ChannelState.READY },
      { label: "mgr-state", state },
    ],
    reporterId: "manager-1",
    sequence: BigInt(sequence),
  };
}
