import type { ConnectionState, End, Evidence, ReadyReport } from "../../core/session.ts";
import { type Part, part } from "./added-fields.ts";
import type { RecordReader } from "./flat-reader.ts";
import { type FlatWriter, Words } from "./flat-record.ts";

export const ends: Words<End> = new Words<End>({ manager: 0, host: 1 });

const connections = new Words<ConnectionState>(
  { unspecified: 0, connecting: 1, connected: 2, disconnected: 3, failed: 4, closed: 5 },
  "unspecified",
);

function writeEvidence(out: FlatWriter, said: Evidence): void {
  out.repeatedText(said.reporterId);
  out.repeatedText(said.transportId);
  out.maybeRepeatedText(said.readyTransportId);
  out.word(connections, said.connection);
  out.repeatedTexts(said.readyChannels);
  out.repeatedTexts(said.openingChannels);
  out.number(said.oldestUnackedMs);
  out.moment(said.observedAt);
  out.number(said.gapMs);
  out.number(said.generation);
  out.list(said.readyReports, readyReport.write);
  out.maybe(said.noConnection, readyReport.write);
}

function readEvidence(from: RecordReader): Evidence {
  return {
    reporterId: from.sharedText(),
    transportId: from.repeatedText(),
    readyTransportId: from.maybeRepeatedText(),
    connection: from.word(connections),
    readyChannels: from.sharedTexts(),
    openingChannels: from.sharedTexts(),
    oldestUnackedMs: from.number(),
    observedAt: from.moment(),
    gapMs: from.version < 2 ? 0 : from.number(),
    generation: from.number(),
    readyReports: from.list(readyReport.read),
    noConnection: from.maybe(readyReport.read),
  };
}

function writeReadyReport(out: FlatWriter, report: ReadyReport): void {
  out.repeatedText(report.reporterId);
  out.moment(report.at);
}

function readReadyReport(from: RecordReader): ReadyReport {
  return { reporterId: from.sharedText(), at: from.moment() };
}

const readyReport: Part<ReadyReport> = part({}, writeReadyReport, readReadyReport);
export const evidence: Part<Evidence> = part({}, writeEvidence, readEvidence);
