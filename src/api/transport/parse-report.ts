import type { Report } from "../../core/command.ts";
import type { ConnectionState as Connection, End } from "../../core/session.ts";
import { channelName } from "../../core/transport/channel.ts";
import {
  type ChannelReport,
  ChannelState,
  ConnectionState,
  TransportEnd,
  type TransportReport,
} from "../../gen/beach/controller/v1/transport_pb.js";
import type { Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, lengthFault, requiredTextFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { parseAge, parseCount } from "../request/parse-values.ts";

export interface ReportAsked {
  readonly sessionId: string;
  readonly command: Report;
  /** The end's last transport error, safe to log; empty for none. */
  readonly lastError: string;
}

/**
 * @param hostOnly the caller may not speak for the manager end
 * @param path where the report stands in its request, such as `reports[3].`
 */
export function parseReport(
  report: TransportReport,
  hostOnly: boolean,
  path: string,
): Result<ReportAsked> {
  const check = new FieldCheck(path);
  const end = ends[report.end];
  check.note("session_id", idFault(report.sessionId));
  check.note("handshake_id", requiredTextFault(report.handshakeId, limits.idLength));
  check.note("end", endFault(end, hostOnly));
  check.note("transport_id", lengthFault(report.transportId, limits.idLength));
  const connection = connections[report.connection];
  check.note("connection", connection === undefined ? "must be a ConnectionState" : undefined);
  const channels = parseChannels(check, report.channels);
  parseAge({ check, name: "round_trip" }, report.roundTrip);
  const lastErrorFault = lengthFault(report.lastError, limits.errorLength);
  check.note("last_error", lastErrorFault);
  check.note("reporter_id", lengthFault(report.reporterId, limits.idLength));
  const command: Report = {
    kind: "Report",
    end: end ?? "host",
    handshakeId: report.handshakeId,
    transportId: report.transportId,
    connection: connection ?? "unspecified",
    ...channels,
    reporterId: report.reporterId,
    sequence: parseCount({ check, name: "sequence" }, report.sequence),
    observedAgeMs: parseAge({ check, name: "observed_age" }, report.observedAge) ?? 0,
    generation: parseCount({ check, name: "generation" }, report.generation),
  };
  const lastError = lastErrorFault === undefined ? report.lastError.replaceAll(/\p{Cc}/gu, "") : "";
  return check.finish({ sessionId: report.sessionId, command, lastError });
}

function endFault(end: End | undefined, hostOnly: boolean): string | undefined {
  if (hostOnly && end !== "host") return "must be TRANSPORT_END_HOST for this caller at this door";
  return end === undefined ? "must be TRANSPORT_END_MANAGER or TRANSPORT_END_HOST" : undefined;
}

type Channels = Pick<Report, "readyChannels" | "openingChannels" | "oldestUnackedMs">;

function parseChannels(check: FieldCheck, reports: readonly ChannelReport[]): Channels {
  const ready = new Set<string>();
  const opening = new Set<string>();
  let oldestUnackedMs = 0;
  if (reports.length > limits.channels) {
    check.note("channels", `must have at most ${limits.channels} entries`);
  }
  for (const [index, report] of reports.slice(0, limits.channels).entries()) {
    const path = `channels[${index}].`;
    check.note(`${path}label`, requiredTextFault(report.label, limits.channelLength));
    check.note(`${path}state`, isChannelState(report.state) ? undefined : "must be a ChannelState");
    parseAge({ check, name: `${path}ack_age` }, report.ackAge);
    const unacked = { check, name: `${path}oldest_unacked_age` };
    oldestUnackedMs = Math.max(oldestUnackedMs, parseAge(unacked, report.oldestUnackedAge) ?? 0);
    const name = channelName(report.label);
    if (report.state === ChannelState.READY) ready.add(name);
    else if (report.state !== ChannelState.CLOSED) opening.add(name);
  }
  const openingChannels = [...opening].filter((name) => !ready.has(name));
  return { readyChannels: [...ready], openingChannels, oldestUnackedMs };
}

/** Open enums: a later client may send a number that is not here. */
const ends: Readonly<Record<number, End>> = {
  [TransportEnd.MANAGER]: "manager",
  [TransportEnd.HOST]: "host",
};

const connections: Readonly<Record<number, Connection>> = {
  [ConnectionState.UNSPECIFIED]: "unspecified",
  [ConnectionState.CONNECTING]: "connecting",
  [ConnectionState.CONNECTED]: "connected",
  [ConnectionState.DISCONNECTED]: "disconnected",
  [ConnectionState.FAILED]: "failed",
  [ConnectionState.CLOSED]: "closed",
};

function isChannelState(state: number): boolean {
  return ChannelState[state] !== undefined;
}
