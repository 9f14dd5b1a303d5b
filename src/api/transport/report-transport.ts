import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Principal } from "../../auth/principal.ts";
import type { Report } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type {
  FastPathRegistry,
  ReportTransportRequest,
  ReportVerdictSchema,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  HandshakeStanding,
  type TransportReport,
} from "../../gen/beach/controller/v1/transport_pb.js";
import { inTurns } from "../call/batch.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { type AnsweredBySession, permitOf, toAnsweredBySession } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { toDuration } from "../moments.ts";
import { internalMessage, internalReason, refusalMessage } from "../refusal/error-mapping.ts";
import { done, type Refusal, type Result } from "../refusal/result.ts";
import { fieldInvalid } from "../request/field-check.ts";
import { idStart } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { parseReport, type ReportAsked } from "./parse-report.ts";
import { presentHealth, presentPath, presentStanding } from "./present-transport.ts";

type ReportVerdict = MessageInitShape<typeof ReportVerdictSchema>;

type ReportDependencies = Pick<
  ApiDependencies,
  "service" | "door" | "onReportedError" | "onItemFailed"
>;

const receiving = "receive the report";

export function createReportTransport(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["reportTransport"] {
  return unary(dependencies, {
    rpc: "ReportTransport",
    action: "report the transport",
    parse: parseBatch,
    perform: async (principal, reports) => {
      const verdicts = await receiveReports(dependencies, principal, reports);
      return done({ verdicts: [...verdicts], reportEvery: toDuration(dependencies.reportEveryMs) });
    },
  });
}

function parseBatch({ reports }: ReportTransportRequest): Result<readonly TransportReport[]> {
  return reports.length <= limits.batch
    ? done(reports)
    : fieldInvalid("reports", `must have at most ${limits.batch} entries`);
}

/**
 * Applies every report of a batch. Reports about one session are applied in their order, since the
 * numbers of a reporter only rise. A refused report affects no other.
 */
function receiveReports(
  dependencies: ReportDependencies,
  principal: Principal,
  reports: readonly TransportReport[],
): Promise<readonly ReportVerdict[]> {
  const hostOnly = dependencies.door === "public" || principal.kind === "host";
  return inTurns(reports, async (report, index) => {
    const { sessionId } = report;
    try {
      const asked = parseReport(report, hostOnly, `reports[${index}].`);
      if (asked.kind === "refused") {
        return refusedVerdict(idStart(sessionId), asked.refusal, undefined);
      }
      return await receive(dependencies, principal, asked.value);
    } catch (error) {
      // An internal error of one report affects no other.
      dependencies.onItemFailed({ sessionId, error });
      return { sessionId, refusal: internalReason, detail: internalMessage(receiving) };
    }
  });
}

async function receive(
  { service, onReportedError }: ReportDependencies,
  principal: Principal,
  { sessionId, command, lastError }: ReportAsked,
): Promise<ReportVerdict> {
  const outcome = await service.execute(sessionId, command, permitOf(principal));
  const result = toAnsweredBySession(outcome);
  if (result.kind === "refused") {
    return refusedVerdict(sessionId, result.refusal, outcome.session);
  }
  if (lastError !== "") onReportedError({ sessionId, end: command.end, text: lastError });
  return verdict(result.value);
}

function verdict({ session, answer }: AnsweredBySession<Report>): ReportVerdict {
  return {
    sessionId: session.id,
    path: presentPath(session),
    health: presentHealth(session),
    generation: BigInt(session.transport.generation),
    standing: presentStanding(answer.standing),
  };
}

/**
 * An end closes its connection when the session was detached, and keeps it when the session is
 * unknown.
 */
function refusedVerdict(
  sessionId: SessionId,
  refusal: Refusal,
  record: SessionRecord | undefined,
): ReportVerdict {
  const { reason } = refusal;
  const detail = refusalMessage(refusal, receiving);
  if (reason !== "SESSION_UNKNOWN") return { sessionId, refusal: reason, detail };
  const standing =
    record?.kind === "detached" ? HandshakeStanding.RETIRED : HandshakeStanding.UNKNOWN;
  return { sessionId, refusal: reason, detail, standing };
}
