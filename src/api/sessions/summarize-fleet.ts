import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Principal } from "../../auth/principal.ts";
import type { BeachId } from "../../core/ids.ts";
import type {
  FastPathRegistry,
  SummarizeFleetRequest,
  SummarizeFleetResponseSchema,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { FleetSummary, LeaseService } from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { done, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { optionalIdFault } from "../request/field-rules.ts";
import { visible } from "./visible.ts";

type Summary = MessageInitShape<typeof SummarizeFleetResponseSchema>;

export function createSummarizeFleet(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["summarizeFleet"] {
  return unary(dependencies, {
    rpc: "SummarizeFleet",
    action: "summarize the fleet",
    parse: parseSummarize,
    perform: async (principal, beachId) =>
      done(await summarize(dependencies.service, principal, beachId)),
  });
}

function parseSummarize(request: SummarizeFleetRequest): Result<BeachId> {
  const check = new FieldCheck();
  check.note("private_beach_id", optionalIdFault(request.privateBeachId));
  return check.finish(request.privateBeachId);
}

/** The figures of what the principal may see. */
async function summarize(
  service: LeaseService,
  principal: Principal,
  beachId: BeachId,
): Promise<Summary> {
  const scope = visible(principal, beachId);
  return scope === "nothing" ? {} : presentFleet(await service.summarize(scope.beachId));
}

function presentFleet(figures: FleetSummary): Summary {
  return {
    sessions: BigInt(figures.sessions),
    liveLeases: BigInt(figures.liveLeases),
    pending: BigInt(figures.pending),
    fastPath: BigInt(figures.fastPath),
    httpFallback: BigInt(figures.httpFallback),
    negotiationsInFlight: BigInt(figures.negotiationsInFlight),
    renewalsLastMinute: BigInt(figures.renewalsLastMinute),
    renegotiationsLastHour: BigInt(figures.renegotiationsLastHour),
  };
}
