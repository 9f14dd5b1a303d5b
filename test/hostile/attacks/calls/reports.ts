import type { MessageInitShape } from "@bufbuild/protobuf";

import { ReportTransportRequestSchema } from "../../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ChannelState,
  ConnectionState,
  TransportEnd,
  type TransportReportSchema,
} from "../../../../src/gen/beach/controller/v1/transport_pb.js";
import type { Attack, AttackContext } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { sessionNamed } from "../../tools/sessions.ts";

type Report = MessageInitShape<typeof TransportReportSchema>;

const right = "each report is bounded for itself, and others have their turn between them";
const batch = 1_000;
const keeps = { outcome: "attached", bytesEach: 40_000 } as const;

async function reportWithoutPause(
  { addresses, outcomes, signal }: AttackContext,
  reportOf: (number: number) => Report,
): Promise<void> {
  using caller = await grpcCaller(addresses.grpc, outcomes);
  await untilOver(4, signal, (index) => {
    const reports = Array.from({ length: batch }, (_, place) => reportOf(index * batch + place));
    const message = bytesOf(ReportTransportRequestSchema, { reports });
    return caller.unary(pathOf("reportTransport"), message);
  });
}

export const unknownSessions: Attack = {
  name: "reports-unknown-sessions",
  sends: "batches of 1000 reports, each for another session that nobody knows",
  right,
  form: "full",
  run: (context) =>
    reportWithoutPause(context, (number) => ({
      sessionId: `nobody-${number}`,
      handshakeId: "handshake",
      end: TransportEnd.HOST,
    })),
};

export const manyReporters: Attack = {
  name: "reports-many-reporters",
  sends: "batches of 1000 reports for one session, each by a reporter of a name of its own",
  right: "what is kept of reporters is bounded",
  form: "full",
  attaches: 1,
  keeps,
  async run(context) {
    await reportWithoutPause(context, (number) => ({
      sessionId: sessionNamed(0),
      handshakeId: `unrecognised-${number}`,
      end: TransportEnd.HOST,
      connection: ConnectionState.CONNECTED,
      reporterId: `reporter-${number}-${"r".repeat(100)}`,
      sequence: 1n,
    }));
  },
};

export const unrecognised: Attack = {
  name: "reports-unrecognised",
  sends: "batches of 1000 reports of handshakes that were never issued, ready, over 100 sessions",
  right: "one at most is adopted on each session; the others leave nothing",
  form: "long",
  attaches: 100,
  keeps,
  async run(context) {
    await reportWithoutPause(context, (number) => ({
      sessionId: sessionNamed(number % 100),
      handshakeId: `unrecognised-${number}`,
      end: number % 2 === 0 ? TransportEnd.MANAGER : TransportEnd.HOST,
      connection: number % 3 === 0 ? ConnectionState.CLOSED : ConnectionState.CONNECTED,
      transportId: `transport-${number}`,
      channels: [{ label: "mgr-actions", state: ChannelState.READY }],
      reporterId: `reporter-${number % 7}`,
      generation: BigInt(number),
    }));
  },
};

export const reportedErrors: Attack = {
  name: "reports-errors",
  sends: "batches of 1000 reports with an error text each, and channels with names of their own",
  right: "neither the log nor the record grows with them",
  form: "full",
  attaches: 10,
  keeps,
  async run(context) {
    await reportWithoutPause(context, (number) => ({
      sessionId: sessionNamed(number % 10),
      handshakeId: "handshake",
      end: TransportEnd.HOST,
      lastError: `${number} ${"e".repeat(240)}`,
      channels: Array.from({ length: 8 }, (_, channel) => ({ label: `c-${number}-${channel}` })),
    }));
  },
};
