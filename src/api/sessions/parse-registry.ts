import { actionsChannel, channelName } from "../../core/channel.ts";
import type { Attach, CheckHandshake, Detach, Revoke } from "../../core/command.ts";
import type { BeachId, SessionId } from "../../core/ids.ts";
import type { DurationMs } from "../../core/time.ts";
import type {
  AttachSessionRequest,
  CheckHandshakeRequest,
  CheckLeaseRequest,
  DetachSessionRequest,
  ListSessionsRequest,
  RevokeLeasesRequest,
  SummarizeFleetRequest,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { Addressed } from "../call/execute.ts";
import type { Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import {
  type Fault,
  idFault,
  optionalIdFault,
  reasonFault,
  requiredTextFault,
} from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { checkIds, parseDuration } from "../request/parse-values.ts";
import { readPageToken } from "./page-token.ts";

export function parseAttach(
  request: AttachSessionRequest,
  defaultManagerUrl: string,
): Result<Addressed<Attach>> {
  const check = new FieldCheck();
  check.note("session_id", idFault(request.sessionId));
  check.note("private_beach_id", idFault(request.privateBeachId));
  const requiredChannels = parseLabels(check, request.requiredChannels);
  check.note("manager_url", managerUrlFault(request.managerUrl));
  const command: Attach = {
    kind: "Attach",
    beachId: request.privateBeachId,
    managerUrl: request.managerUrl === "" ? defaultManagerUrl : request.managerUrl,
    requiredChannels,
    hostReports: request.hostReports,
  };
  return check.finish({ sessionId: request.sessionId, command });
}

/** What the service itself says in SessionGone; readers act on these words. */
const ownReasons: ReadonlySet<string> = new Set(["unknown", "idle"]);

const ownReasonWanted = `must not be "unknown" or "idle": these are the service's own words`;

export function parseDetach(request: DetachSessionRequest): Result<Addressed<Detach>> {
  const check = new FieldCheck();
  const { sessionId, reason } = request;
  check.note("session_id", idFault(sessionId));
  check.note("reason", ownReasons.has(reason) ? ownReasonWanted : reasonFault(reason));
  return check.finish({ sessionId, command: { kind: "Detach", reason } });
}

export function parseCheckHandshake(
  request: CheckHandshakeRequest,
): Result<Addressed<CheckHandshake>> {
  const check = new FieldCheck();
  const { sessionId, handshakeId } = request;
  check.note("session_id", idFault(sessionId));
  check.note("handshake_id", requiredTextFault(handshakeId, limits.idLength));
  return check.finish({ sessionId, command: { kind: "CheckHandshake", handshakeId } });
}

export function parseCheckLease(
  request: CheckLeaseRequest,
): Result<{ readonly sessionId: SessionId; readonly token: string }> {
  const check = new FieldCheck();
  const { sessionId, controllerToken: token } = request;
  check.note("session_id", idFault(sessionId));
  check.note("controller_token", requiredTextFault(token, limits.tokenLength));
  return check.finish({ sessionId, token });
}

const hourMs = 3_600_000;

export function parseRevoke(
  request: RevokeLeasesRequest,
  holdMsMax: DurationMs,
): Result<Addressed<Revoke>> {
  const check = new FieldCheck();
  const { sessionId, leaseIds, reason } = request;
  check.note("session_id", idFault(sessionId));
  check.note("reason", reasonFault(reason));
  const holdMs = parseDuration({ check, name: "hold" }, request.hold, (ms) =>
    ms < 0 || ms > holdMsMax ? `must be from zero to ${holdMsMax / hourMs} hours` : undefined,
  );
  checkIds({ check, name: "lease_ids" }, leaseIds, limits.namedLeases);
  return check.finish({ sessionId, command: { kind: "Revoke", leaseIds, reason, holdMs } });
}

export interface PageAsked {
  /** Empty for everything that the caller may see. */
  readonly beachId: BeachId;
  readonly after: SessionId | undefined;
  readonly size: number;
}

export function parseList(request: ListSessionsRequest): Result<PageAsked> {
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

export function parseSummarize(request: SummarizeFleetRequest): Result<BeachId> {
  const check = new FieldCheck();
  check.note("private_beach_id", optionalIdFault(request.privateBeachId));
  return check.finish(request.privateBeachId);
}

function parseLabels(check: FieldCheck, labels: readonly string[]): readonly string[] {
  if (labels.length === 0) return [actionsChannel];
  if (labels.length > limits.channels) {
    check.note("required_channels", `must have at most ${limits.channels} entries`);
    return [];
  }
  for (const [index, label] of labels.entries()) {
    check.note(`required_channels[${index}]`, requiredTextFault(label, limits.channelLength));
  }
  return [...new Set(labels.map(channelName))];
}

/** URL.parse is more tolerant: it drops line breaks and encodes what is not ASCII. */
const printable = /^[\x21-\x7e]+$/;

const managerUrlWanted: string = `must be an http or https URL of at most ${limits.managerUrlLength} printable ASCII characters, or empty`;

function managerUrlFault(url: string): Fault {
  if (url === "") return undefined;
  const protocol = URL.parse(url)?.protocol;
  const isHttp = protocol === "http:" || protocol === "https:";
  return isHttp && url.length <= limits.managerUrlLength && printable.test(url)
    ? undefined
    : managerUrlWanted;
}
