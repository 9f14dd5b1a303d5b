import type { SessionId } from "../../core/ids.ts";
import type { DurationMs } from "../../core/time.ts";
import type { Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { type Fault, idFault, optionalIdFault, requiredTextFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";

/** A call of an old route, as a door received it. */
export interface LegacyRequest {
  /** The `{id}` of the path, percent-decoded. */
  readonly sessionId: SessionId;
  /** The parsed JSON body; undefined when there was none. */
  readonly body: unknown;
  /** The parsed query string. */
  readonly query: unknown;
  readonly requestHeader: Headers;
}

export interface HandshakeAsked {
  readonly passcode: string;
  readonly requesterPrivateBeachId: string;
}

export interface LeaseAsked {
  readonly ttlMs: DurationMs | undefined;
  readonly reason: string;
  readonly requestingAccountId: string;
}

export interface TokenAsked {
  readonly token: string;
  readonly ttlMs: DurationMs | undefined;
}

export function parseHandshake(request: LegacyRequest): Result<HandshakeAsked> {
  const { check, fields } = open(request);
  const passcode = text(check, fields, "passcode", (value) =>
    requiredTextFault(value, limits.passcodeLength),
  );
  const requesterPrivateBeachId = text(
    check,
    fields,
    "requester_private_beach_id",
    optionalIdFault,
  );
  return check.finish({ passcode, requesterPrivateBeachId });
}

export function parseLease(request: LegacyRequest): Result<LeaseAsked> {
  const { check, fields } = open(request);
  const ttlMs = ttl(check, fields);
  const reason = presentableReason(text(check, fields, "reason", () => undefined));
  const requestingAccountId = text(check, fields, "requesting_account_id", optionalIdFault);
  return check.finish({ ttlMs, reason, requestingAccountId });
}

/** The token may be in the query too: some proxies strip the body of a DELETE. */
export function parseToken(request: LegacyRequest): Result<TokenAsked> {
  const { check, fields } = open(request);
  const inBody = fields[tokenField] !== undefined && fields[tokenField] !== null;
  const source = inBody ? fields : asFields(request.query);
  const token = text(check, source, tokenField, (value) =>
    requiredTextFault(value, limits.tokenLength),
  );
  const ttlMs = ttl(check, fields);
  return check.finish({ token, ttlMs });
}

const tokenField = "controller_token";

type Fields = Readonly<Record<string, unknown>>;

interface Opened {
  readonly check: FieldCheck;
  readonly fields: Fields;
}

function open({ sessionId, body }: LegacyRequest): Opened {
  const check = new FieldCheck();
  check.note("session_id", idFault(sessionId));
  const missing = body === undefined || body === null;
  if (!missing && !isFields(body)) check.note("body", "must be a JSON object");
  return { check, fields: asFields(body) };
}

function asFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Empty when it is left out; old clients write null for that. */
function text(
  check: FieldCheck,
  fields: Fields,
  name: string,
  faultOf: (value: string) => Fault,
): string {
  const value = fields[name] ?? "";
  if (typeof value !== "string") {
    check.note(name, "must be a string");
    return "";
  }
  const trimmed = value.trim();
  check.note(name, faultOf(trimmed));
  return trimmed;
}

/** The old routes took any text for a reason; ours are one short line, which logs and people see. */
function presentableReason(reason: string): string {
  // Half a character is replaced, as it is on its way to disk: the reason is part of a lease's key.
  const line = reason.toWellFormed().replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
  return Array.from(line).slice(0, limits.reasonLength).join("").trim();
}

function ttl(check: FieldCheck, fields: Fields): DurationMs | undefined {
  const value = fields.ttl_ms ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  check.note("ttl_ms", "must be a whole number of milliseconds, 0 or more");
  return undefined;
}
