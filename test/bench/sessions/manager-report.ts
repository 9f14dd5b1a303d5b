import type { MessageInitShape } from "@bufbuild/protobuf";

import {
  ChannelState,
  ConnectionState,
  TransportEnd,
  type TransportReportSchema,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { LeaseOnHand } from "../load/calls.ts";

/** One manager may have no more than so many negotiations in flight. */
const sessionsOfManager = 40;

/** Where the manager of a session is: each has as many as may be negotiated at once. */
export function managerUrlOf(session: number): string {
  return `http://127.0.0.1:${10_000 + Math.floor(session / sessionsOfManager)}`;
}

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
