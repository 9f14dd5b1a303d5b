import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import { beachOf, type Principal } from "../../auth/principal.ts";
import type { BeachId } from "../../core/ids.ts";
import type { Session } from "../../core/session.ts";
import {
  type ListSessionsResponseSchema,
  type SessionSummary,
  SessionSummarySchema,
  type SummarizeFleetResponseSchema,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import { type Awaitable, whenReady } from "../../service/awaitable.ts";
import type { FleetSummary, LeaseService } from "../../service/lease-service.ts";
import { presentSummary } from "../leases/present-lease.ts";
import { limits } from "../request/limits.ts";
import type { TimeSource } from "../transport/present-transport.ts";
import { writePageToken } from "./page-token.ts";
import type { PageAsked } from "./parse-registry.ts";

type Page = MessageInitShape<typeof ListSessionsResponseSchema>;
type Summary = MessageInitShape<typeof SummarizeFleetResponseSchema>;

/** One page of what the principal may see; another's beach holds nothing for it. */
export function listPage(
  service: LeaseService,
  principal: Principal,
  { beachId, after, size }: PageAsked,
): Awaitable<Page> {
  const scope = visible(principal, beachId);
  if (scope === "nothing") return {};
  // One more than fits tells whether another page follows.
  return whenReady(service.list(scope.beachId, after, size + 1), (found) => {
    const sessions = fitting(found.slice(0, size), service);
    const last = found.length > sessions.length ? sessions.at(-1) : undefined;
    return {
      sessions,
      nextPageToken: last === undefined ? "" : writePageToken(beachId, last.sessionId),
    };
  });
}

/** As many summaries as one answer holds; at least one, so that a listing always goes on. */
function fitting(sessions: readonly Session[], time: TimeSource): SessionSummary[] {
  const fit: SessionSummary[] = [];
  let bytes = 0;
  for (const session of sessions) {
    const summary = create(SessionSummarySchema, presentSummary(session, time));
    bytes += toBinary(SessionSummarySchema, summary).length + framingBytes;
    if (bytes > limits.pageBytes && fit.length > 0) break;
    fit.push(summary);
  }
  return fit;
}

/** A repeated message's tag and length. */
const framingBytes = 5;

/** The figures of what the principal may see. */
export function summarize(
  service: LeaseService,
  principal: Principal,
  beachId: BeachId,
): Awaitable<Summary> {
  const scope = visible(principal, beachId);
  return scope === "nothing" ? {} : whenReady(service.summarize(scope.beachId), presentFleet);
}

/** @param asked empty for everything that the principal may see */
function visible(
  principal: Principal,
  asked: BeachId,
): { readonly beachId: BeachId | undefined } | "nothing" {
  if (principal.reach.kind === "every") return { beachId: asked === "" ? undefined : asked };
  const own = beachOf(principal);
  return own !== undefined && (asked === "" || asked === own) ? { beachId: own } : "nothing";
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
