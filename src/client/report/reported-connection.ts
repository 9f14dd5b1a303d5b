import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";

import {
  type ChannelState,
  type ConnectionState,
  type TransportReport,
  TransportReportSchema,
} from "../../gen/beach/controller/v1/transport_pb.js";

export interface ReportedHandshake {
  readonly sessionId: string;
  readonly handshakeId: string;
}

/** A peer connection that a process answers for. */
export interface ReportedConnection extends ReportedHandshake {
  /** The process's own name for it; not empty. */
  readonly transportId: string;
  /** What is so at this moment: asked for each report anew. */
  observe(): ConnectionObservation;
}

/** Whole: a channel that is not listed is not there. */
export interface ConnectionObservation {
  readonly connection: ConnectionState;
  readonly channels: readonly ChannelObservation[];
  readonly roundTripMs?: number;
  readonly lastError?: string;
}

export interface ChannelObservation {
  readonly label: string;
  /** READY once the readiness sentinel was seen. */
  readonly state: ChannelState;
  /** Age of the newest acknowledgement over this channel. */
  readonly ackAgeMs?: number;
  /** How long the oldest action sent over this channel has waited for its acknowledgement. */
  readonly oldestUnackedMs?: number;
  readonly bufferedBytes?: number;
}

/** The service refuses a report with a longer text, and a session whose reports are refused is silent. */
const lastErrorLengthMax = 256;
/** The longest duration of Protobuf: 10,000 years. */
const ageMsMax = 315_576_000_000_000;

/** An observation as the contract words it; who reports, and its number, are not yet set. */
export function toReport(
  connection: ReportedConnection,
  observation: ConnectionObservation,
): TransportReport {
  const { roundTripMs, lastError = "" } = observation;
  return create(TransportReportSchema, {
    sessionId: connection.sessionId,
    handshakeId: connection.handshakeId,
    transportId: connection.transportId,
    connection: observation.connection,
    channels: observation.channels.map((channel) => ({
      label: channel.label,
      state: channel.state,
      bufferedBytes: BigInt(within(channel.bufferedBytes ?? 0, Number.MAX_SAFE_INTEGER)),
      ...ageField("ackAge", channel.ackAgeMs),
      ...ageField("oldestUnackedAge", channel.oldestUnackedMs),
    })),
    lastError: cut(lastError),
    ...ageField("roundTrip", roundTripMs),
  });
}

function ageField<Name extends string>(
  name: Name,
  ageMs: number | undefined,
): { [field in Name]?: ReturnType<typeof durationFromMs> } {
  if (ageMs === undefined) return {};
  const field: { [field in Name]?: ReturnType<typeof durationFromMs> } = {};
  field[name] = durationFromMs(within(ageMs, ageMsMax));
  return field;
}

/** A number that no field can hold would fail the whole message, with all others in it. */
function within(value: number, max: number): number {
  return Math.min(Math.max(0, Math.round(value)), max);
}

/** By whole characters. */
function cut(text: string): string {
  if (text.length <= lastErrorLengthMax) return text;
  return text.slice(0, lastErrorLengthMax).replace(/[\uD800-\uDBFF]$/, "");
}
