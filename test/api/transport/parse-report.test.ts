import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import { parseReport } from "../../../src/api/transport/parse-report.ts";
import {
  ChannelState,
  ConnectionState,
  TransportEnd,
  TransportReportSchema,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";

type Changes = MessageInitShape<typeof TransportReportSchema>;

function parse(changes: Changes, hostOnly = false) {
  const report = create(TransportReportSchema, {
    sessionId: "s-1",
    handshakeId: "h-1",
    end: TransportEnd.MANAGER,
    transportId: "t-1",
    connection: ConnectionState.CONNECTED,
    ...changes,
  });
  return parseReport(report, hostOnly, "reports[3].");
}

function wrongFields(changes: Changes, hostOnly = false): readonly string[] {
  const result = parse(changes, hostOnly);
  if (result.kind === "done" || result.refusal.reason !== "FIELD_INVALID") return [];
  return result.refusal.violations.map(({ field }) => field);
}

function heard(changes: Changes) {
  const result = parse(changes);
  if (result.kind === "refused") throw new Error(JSON.stringify(result.refusal));
  return result.value;
}

describe("a report", () => {
  test("becomes evidence about one connection, whole", () => {
    expect(heard({ reporterId: "r-1", sequence: 7n, generation: 2n }).command).toEqual({
      kind: "Report",
      end: "manager",
      handshakeId: "h-1",
      transportId: "t-1",
      connection: "connected",
      readyChannels: [],
      openingChannels: [],
      oldestUnackedMs: 0,
      reporterId: "r-1",
      sequence: 7,
      observedAgeMs: 0,
      generation: 2,
    });
  });

  test("names ready channels, opening ones, and none, each in one way", () => {
    const { command } = heard({
      channels: [
        { label: "pb-controller", state: ChannelState.READY },
        { label: "mgr-acks", state: ChannelState.OPEN },
        { label: "mgr-state", state: ChannelState.CLOSED },
        { label: "extra", state: ChannelState.UNSPECIFIED },
      ],
    });
    expect(command.readyChannels).toEqual(["mgr-actions"]);
    expect(command.openingChannels).toEqual(["mgr-acks", "extra"]);
  });

  test("goes by the oldest action that waits on any channel", () => {
    const { command } = heard({
      observedAge: { seconds: 1n, nanos: 500_000_000 },
      channels: [
        { label: "mgr-actions", oldestUnackedAge: { seconds: 2n } },
        { label: "mgr-acks", oldestUnackedAge: { seconds: 6n } },
      ],
    });
    expect(command.oldestUnackedMs).toBe(6000);
    expect(command.observedAgeMs).toBe(1500);
  });

  test("has control characters taken out of its last error", () => {
    expect(heard({ lastError: "ice\u001b[31m\nfailed\u0000" }).lastError).toBe("ice[31mfailed");
  });

  test("takes any text for ids of handshake, transport and reporter", () => {
    expect(wrongFields({ transportId: "a/b", reporterId: "ü 🏖" })).toEqual([]);
  });

  test("names each wrong field by its path in the request", () => {
    expect(
      wrongFields({
        sessionId: "",
        handshakeId: "h".repeat(129),
        end: TransportEnd.UNSPECIFIED,
        connection: 9 as ConnectionState,
        channels: [
          { label: "", state: 9 as ChannelState },
          { label: "c".repeat(65), ackAge: { seconds: -1n } },
        ],
        roundTrip: { seconds: 1n, nanos: -1 },
        lastError: "e".repeat(257),
        reporterId: "r".repeat(129),
        sequence: 2n ** 63n,
        observedAge: { seconds: 10n ** 12n },
      }),
    ).toEqual(
      [
        "session_id",
        "handshake_id",
        "end",
        "connection",
        "channels[0].label",
        "channels[0].state",
        "channels[1].label",
        "channels[1].ack_age",
        "round_trip",
        "last_error",
        "reporter_id",
        "sequence",
        "observed_age",
      ].map((field) => `reports[3].${field}`),
    );
  });

  test("with more channels than there may be is wrong as a whole", () => {
    const channels = Array.from({ length: 9 }, (_, n) => ({ label: `c${n}` }));
    expect(wrongFields({ channels })).toEqual(["reports[3].channels"]);
  });

  test("of a host speaks for the host end alone", () => {
    expect(wrongFields({ end: TransportEnd.MANAGER }, true)).toEqual(["reports[3].end"]);
    expect(wrongFields({ end: TransportEnd.HOST }, true)).toEqual([]);
  });
});
