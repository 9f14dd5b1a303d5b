import type { ConnectionState, End, Evidence, ReadyReport } from "../../core/session.ts";
import { type FlatReader, type FlatWriter, Words } from "./flat-record.ts";

export const ends: Words<End> = new Words<End>({ manager: 0, host: 1 });

const connections = new Words<ConnectionState>({
  unspecified: 0,
  connecting: 1,
  connected: 2,
  disconnected: 3,
  failed: 4,
  closed: 5,
});

export function writeEvidence(out: FlatWriter, evidence: Evidence): void {
  out.repeatedText(evidence.reporterId);
  out.repeatedText(evidence.transportId);
  out.maybeRepeatedText(evidence.readyTransportId);
  out.word(connections, evidence.connection);
  out.repeatedTexts(evidence.readyChannels);
  out.repeatedTexts(evidence.openingChannels);
  out.number(evidence.oldestUnackedMs);
  out.moment(evidence.observedAt);
  out.number(evidence.unheardMs);
  out.number(evidence.generation);
  out.list(evidence.readyReports, writeReadyReport);
  out.maybe(evidence.holdsNone, writeReadyReport);
}

export function readEvidence(from: FlatReader): Evidence {
  return {
    reporterId: from.sharedText(),
    transportId: from.repeatedText(),
    readyTransportId: from.maybeRepeatedText(),
    connection: from.word(connections),
    readyChannels: from.sharedTexts(),
    openingChannels: from.sharedTexts(),
    oldestUnackedMs: from.number(),
    observedAt: from.moment(),
    unheardMs: from.version < 2 ? 0 : from.number(),
    generation: from.number(),
    readyReports: from.list(readReadyReport),
    holdsNone: from.maybe(readReadyReport),
  };
}

function writeReadyReport(out: FlatWriter, report: ReadyReport): void {
  out.repeatedText(report.reporterId);
  out.moment(report.at);
}

function readReadyReport(from: FlatReader): ReadyReport {
  return { reporterId: from.sharedText(), at: from.moment() };
}
