import { ChannelState, ConnectionState } from "../../../src/client/contract.ts";
import type {
  ChannelObservation,
  ConnectionObservation,
  ReportedConnection,
} from "../../../src/client/host.ts";

const labels = ["mgr-actions", "mgr-acks", "mgr-state"] as const;

/** A connection as its ends would report it. */
export class FakeConnection implements ReportedConnection {
  readonly sessionId: string;
  readonly handshakeId: string;
  readonly transportId: string;
  isUp = true;

  constructor(sessionId: string, handshakeId: string) {
    this.sessionId = sessionId;
    this.handshakeId = handshakeId;
    this.transportId = `connection for ${handshakeId}`;
  }

  observe(): ConnectionObservation {
    const state = this.isUp ? ChannelState.READY : ChannelState.CLOSED;
    const channels = labels.map((label): ChannelObservation => ({ label, state, ackAgeMs: 40 }));
    const connection = this.isUp ? ConnectionState.CONNECTED : ConnectionState.CLOSED;
    return { connection, channels, roundTripMs: 12 };
  }
}
