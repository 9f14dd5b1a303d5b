import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import type { Principal } from "../../auth/principal.ts";
import type { BeachId, SessionId } from "../../core/ids.ts";
import type { Session } from "../../core/session.ts";
import {
  type FastPathRegistry,
  type ListSessionsRequest,
  type ListSessionsResponseSchema,
  type SessionSummary,
  SessionSummarySchema,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { LeaseService } from "../../service/lease-service.ts";
import { nextTurn } from "../../service/time/next-turn.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import type { Call, Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { presentLease } from "../leases/present-lease.ts";
import { toDuration } from "../moments.ts";
import { done, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { optionalIdFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { presentTransport, type TimeSource } from "../transport/present-transport.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { visible } from "./visible.ts";

type Page = MessageInitShape<typeof ListSessionsResponseSchema>;

interface PageAsked {
  /** Empty for everything that the caller may see. */
  readonly beachId: BeachId;
  readonly after: SessionId | undefined;
  readonly size: number;
}

export function createListSessions(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["listSessions"] {
  return unary(dependencies, {
    rpc: "ListSessions",
    action: "list the sessions",
    parse: parseList,
    perform: (principal, asked, call) =>
      dependencies.pagePlaces.at(call.connection ?? call, async () =>
        done(await listPage(dependencies, principal, asked, call)),
      ),
  });
}

function parseList(request: ListSessionsRequest): Result<PageAsked> {
  const check = new FieldCheck();
  const { privateBeachId: beachId, pageSize, pageToken } = request;
  check.note("private_beach_id", optionalIdFault(beachId));
  const fits = pageSize >= 0 && pageSize <= limits.pageSize;
  check.note("page_size", fits ? undefined : `must be from 1 to ${limits.pageSize}, or 0`);
  const after = pageToken === "" ? undefined : readPageToken(pageToken, beachId);
  check.note(
    "page_token",
    pageToken !== "" && after === undefined
      ? "must be a next_page_token, with the private_beach_id of its page"
      : undefined,
  );
  return check.finish({ beachId, after, size: pageSize === 0 ? limits.pageSizeDefault : pageSize });
}

/** One page of what the principal may see; another's beach holds nothing for it. */
async function listPage(
  { service, budgets }: Pick<ApiDependencies, "service" | "budgets">,
  principal: Principal,
  { beachId, after, size }: PageAsked,
  call: Call,
): Promise<Page> {
  const scope = visible(principal, beachId);
  // A caller that has left meanwhile needs no page.
  if (scope === "nothing" || call.signal.aborted) return {};
  const bytesMax = budgets.limit(call.format === "json" ? "json_page_bytes" : "page_bytes");
  const found = read(service, { beachId: scope.beachId, after, size });
  const { sessions, isWhole } = await fitting(found, { time: service, bytesMax, size }, call);
  const last = isWhole ? undefined : sessions.at(-1);
  return {
    sessions,
    nextPageToken: last === undefined ? "" : writePageToken(beachId, last.sessionId),
  };
}

/** So many records are decoded within a millisecond. */
const perRead = 100;

/**
 * The sessions of a page, read as they are needed: far fewer than were asked for may fit. One more
 * than those shows whether another page follows.
 */
async function* read(
  service: Pick<LeaseService, "list">,
  { beachId, after, size }: Omit<PageAsked, "beachId"> & { beachId: BeachId | undefined },
): AsyncGenerator<Session> {
  let from = after;
  for (let left = size + 1; left > 0; left -= perRead) {
    const limit = Math.min(left, perRead);
    const part = await service.list(beachId, from, limit);
    yield* part;
    if (part.length < limit) return;
    from = part.at(-1)?.id;
  }
}

/** So many of the largest are made within a few milliseconds; then others get their turn. */
const perTurn = 20;

/**
 * As many summaries as one answer holds, which is written in a turn; at least one, so that a listing
 * always goes on. What they take is held against their caller while they are made, and until it has
 * read them.
 */
async function fitting(
  found: AsyncIterable<Session>,
  { time, bytesMax, size }: { time: TimeSource; bytesMax: number; size: number },
  call: Call,
): Promise<{ readonly sessions: SessionSummary[]; readonly isWhole: boolean }> {
  const sessions: SessionSummary[] = [];
  let bytes = 0;
  for await (const session of found) {
    if (sessions.length === size) return { sessions, isWhole: false };
    if (sessions.length % perTurn === 0 && size > perTurn) await nextTurn();
    if (call.signal.aborted) break;
    const summary = create(SessionSummarySchema, presentSummary(session, time));
    const summaryBytes = toBinary(SessionSummarySchema, summary).length + framingBytes;
    bytes += summaryBytes;
    if (bytes > bytesMax && sessions.length > 0) return { sessions, isWhole: false };
    call.holdAnswer?.(summaryBytes);
    sessions.push(summary);
  }
  return { sessions, isWhole: true };
}

/** A repeated message's tag and length. */
const framingBytes = 5;

/** One session as operators see it; leases that are due to expire this moment are left out. */
function presentSummary(
  session: Session,
  time: TimeSource,
): MessageInitShape<typeof SessionSummarySchema> {
  const now = time.now();
  return {
    sessionId: session.id,
    privateBeachId: session.beachId,
    leases: session.leases.live
      .filter((lease) => now < lease.expiresAt)
      .map((lease) => presentLease(session, lease, time)),
    transport: presentTransport(session, time),
    age: toDuration(now - session.knownSince),
  };
}
