import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { LRUCache } from "lru-cache";

import { type BudgetName, budgetTable } from "../../budget/budget-table.ts";
import { BudgetSpent } from "../../budget/budgets.ts";
import type { FieldViolation, RefusalReason } from "../../core/refusal.ts";
import type { DurationMs } from "../../core/time.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { BearerEnded, ReaderStalled } from "../../service/lease-service.ts";
import { StoreFault } from "../../service/session-store.ts";
import { refusalOf } from "../../service/store-refusal.ts";
import { toDuration } from "../moments.ts";
import { limits } from "../request/limits.ts";
import type { Refusal, Result } from "./result.ts";

/** The body of a refused legacy call; old dashboards show `message` and key on `error_code`. */
export interface LegacyErrorBody {
  readonly error: LegacyErrorWord;
  readonly message: string | null;
  readonly error_code?: string;
}

type LegacyErrorWord =
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "bad_request"
  | "too_many_requests"
  | "upstream_error"
  | "internal_error";

/** A refusal as an old route answers it. */
export interface LegacyRefusal {
  readonly status: number;
  readonly body: LegacyErrorBody;
  /** Whole seconds for Retry-After, where waiting helps. */
  readonly retryAfterSeconds: number | undefined;
}

interface Mapping {
  readonly code: Code;
  readonly status: number;
  readonly error: LegacyErrorWord;
}

/** Each refusal in the words of each protocol. */
const mappings: Readonly<Record<RefusalReason, Mapping>> = {
  SESSION_UNKNOWN: { code: Code.NotFound, status: 404, error: "not_found" },
  LEASE_NOT_LIVE: { code: Code.FailedPrecondition, status: 409, error: "conflict" },
  REVOKED: { code: Code.PermissionDenied, status: 403, error: "forbidden" },
  PASSCODE_WRONG: { code: Code.PermissionDenied, status: 403, error: "forbidden" },
  ACCOUNT_MISSING: { code: Code.FailedPrecondition, status: 409, error: "conflict" },
  NOT_YOUR_BEACH: { code: Code.PermissionDenied, status: 403, error: "forbidden" },
  SCOPE_MISSING: { code: Code.PermissionDenied, status: 403, error: "forbidden" },
  UNAUTHENTICATED: { code: Code.Unauthenticated, status: 401, error: "unauthorized" },
  KEYS_UNAVAILABLE: { code: Code.Unavailable, status: 503, error: "upstream_error" },
  FIELD_INVALID: { code: Code.InvalidArgument, status: 400, error: "bad_request" },
  CONTENDED: { code: Code.Unavailable, status: 503, error: "upstream_error" },
  STORE_UNAVAILABLE: { code: Code.Unavailable, status: 503, error: "upstream_error" },
  SESSION_UNREADABLE: { code: Code.Unavailable, status: 503, error: "upstream_error" },
  ROAD_UNAVAILABLE: { code: Code.Unavailable, status: 503, error: "upstream_error" },
  READER_STALLED: { code: Code.Unavailable, status: 503, error: "upstream_error" },
  TOO_MANY: { code: Code.ResourceExhausted, status: 429, error: "too_many_requests" },
};

/** The table of refusals, in Markdown. */
export function refusalsMarkdown(): string {
  const rows = Object.entries(mappings).map(([reason, { code, status, error }]) => {
    const name = Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
    return `| \`${reason}\` | ${name} | ${status} \`${error}\` |`;
  });
  const head = ["| reason | gRPC, Connect, gRPC-Web | old routes |", "|---|---|---|"];
  return [...head, ...rows, ""].join("\n");
}

/** The answer of a legacy call after an internal error. */
export const legacyInternalError: LegacyRefusal = {
  status: 500,
  body: { error: "internal_error", message: null },
  retryAfterSeconds: undefined,
};

/** The reason word of an item with an internal error. */
export const internalReason = "INTERNAL";

export function internalMessage(action: string): string {
  return `Cannot ${action}: internal error, the service has noted it, try again later`;
}

/** Refusals in the same words are one error: with its stack and details it costs as much as a call. */
const errors = new LRUCache<string, ConnectError>({ max: 500 });
/** Lists of more wrong fields are hardly ever the same. */
const sharedViolations = 4;

/**
 * The error of a refused rpc: code, a message for people, and ErrorInfo, RetryInfo and BadRequest
 * for programs. Others may be refused with the same one: nobody may change it.
 *
 * @param action what was asked, as it follows "Cannot", such as `renew the lease`
 */
export function refusalToConnectError(refusal: Refusal, action: string): ConnectError {
  if (refusal.reason === "FIELD_INVALID" && refusal.violations.length > sharedViolations) {
    return newError(refusal, action);
  }
  const words = JSON.stringify([action, refusal]);
  const known = errors.get(words);
  if (known !== undefined) return known;
  const made = newError(refusal, action);
  errors.set(words, made);
  return made;
}

function newError(refusal: Refusal, action: string): ConnectError {
  const { code } = mappings[refusal.reason];
  return new ConnectError(refusalMessage(refusal, action), code, undefined, details(refusal));
}

/** The value of a result; a refusal is thrown as a ConnectError. */
export function valueOrThrow<T>(result: Result<T>, action: string): T {
  if (result.kind === "done") return result.value;
  throw refusalToConnectError(result.refusal, action);
}

/** The message of a refusal: the action, the state, and what would work. */
export function refusalMessage(refusal: Refusal, action: string): string {
  return `Cannot ${action}: ${circumstances(refusal)}`;
}

/** The status and body of a refused legacy call. */
export function refusalToLegacy(refusal: Refusal): LegacyRefusal {
  const { status, error } = mappings[refusal.reason];
  const retryAfterMs = retryAfterOf(refusal);
  return {
    status,
    body: {
      error,
      message: legacyMessage(refusal),
      ...(refusal.reason === "ACCOUNT_MISSING" ? { error_code: "account_missing" } : {}),
    },
    retryAfterSeconds: retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000),
  };
}

/** The refusal behind an error; undefined for an internal error, whose text no caller sees. */
export function thrownRefusal(thrown: unknown): Refusal | undefined {
  if (thrown instanceof StoreFault) return refusalOf(thrown);
  if (thrown instanceof BudgetSpent) {
    return { reason: "TOO_MANY", what: thrown.budget, retryAfterMs: thrown.retryAfterMs };
  }
  if (thrown instanceof BearerEnded) return { reason: "UNAUTHENTICATED", why: "expired" };
  if (thrown instanceof ReaderStalled) {
    return { reason: "READER_STALLED", retryAfterMs: thrown.retryAfterMs };
  }
  return undefined;
}

/** How long to wait before the next try, for refusals that pass. */
export function retryAfterOf(refusal: Refusal): DurationMs | undefined {
  return "retryAfterMs" in refusal ? refusal.retryAfterMs : undefined;
}

type Detail = { readonly desc: DescMessage; readonly value: MessageInitShape<DescMessage> };

function details(refusal: Refusal): Detail[] {
  const found: Detail[] = [
    {
      desc: ErrorInfoSchema,
      value: {
        reason: refusal.reason,
        domain: "controller.beach",
        metadata: metadataOf(refusal),
      },
    },
  ];
  const retryAfterMs = retryAfterOf(refusal);
  if (retryAfterMs !== undefined) {
    found.push({ desc: RetryInfoSchema, value: { retryDelay: toDuration(retryAfterMs) } });
  }
  if (refusal.reason === "FIELD_INVALID") {
    found.push({ desc: BadRequestSchema, value: { fieldViolations: listed(refusal).violations } });
  }
  return found;
}

function metadataOf(refusal: Refusal): Record<string, string> {
  if (refusal.reason === "LEASE_NOT_LIVE") return { ended_by: refusal.endedBy };
  if (refusal.reason === "SCOPE_MISSING") return { scope: refusal.scope };
  if (refusal.reason === "TOO_MANY") return { what: refusal.what };
  if (refusal.reason === "FIELD_INVALID") {
    const { rest } = listed(refusal);
    return rest === 0 ? {} : { not_listed: String(rest) };
  }
  return {};
}

/** The state that forbids the call, and what would work. */
function circumstances(refusal: Refusal): string {
  const retry = `try again in ${Math.ceil(retryAfterOf(refusal) ?? 0)} ms`;
  switch (refusal.reason) {
    case "SESSION_UNKNOWN":
      return "no such session is known, attach it or acquire with its passcode";
    case "LEASE_NOT_LIVE":
      return endings[refusal.endedBy];
    case "REVOKED":
      return `leases were revoked; new ones are blocked, ${retry}`;
    case "PASSCODE_WRONG":
      return "the passcode does not open the session, ask its host for the current one";
    case "ACCOUNT_MISSING":
      return "neither the bearer nor the request names an account, send account_id";
    case "NOT_YOUR_BEACH":
      return "another private beach owns the session, detach it there first";
    case "SCOPE_MISSING":
      return `the bearer lacks the scope "${refusal.scope}", call with one that has it`;
    case "UNAUTHENTICATED":
      return bearerFaults[refusal.why ?? "invalid"];
    case "KEYS_UNAVAILABLE":
      return `the keys that bearers are verified with cannot be reached, ${retry}`;
    case "FIELD_INVALID":
      return violationsInWords(refusal);
    case "CONTENDED":
      return `too many calls change the session at once, ${retry}`;
    case "STORE_UNAVAILABLE":
      return `the store cannot be reached, ${retry}`;
    case "SESSION_UNREADABLE":
      return `this process cannot read the session's record, which another one may: ${retry}`;
    case "ROAD_UNAVAILABLE":
      return `Beach Road cannot judge the passcode, ${retry}`;
    case "READER_STALLED":
      return `what was sent was not read for too long, read it as it comes and ${retry}`;
    case "TOO_MANY":
      return `${excessInWords(refusal.what)}, ${retry}`;
  }
}

const endings = {
  expired: "the lease has expired, acquire a new one",
  released: "the lease was released, acquire a new one",
  revoked: "the lease was revoked, acquire a new one once that is allowed again",
  detached: "the session was detached and its leases ended, attach it and acquire a new one",
  unknown: "the session knows no lease with this token, acquire a new one",
} as const;

const bearerFaults = {
  missing: "no bearer was sent, send one as Authorization: Bearer",
  expired: "the bearer has expired, send a current one",
  invalid: "the bearer is not valid here, send one that this service accepts",
} as const;

const excesses = {
  leases: "the session has as many live leases as it may",
  holds: "the session has as many holds as it may",
  negotiations: "the manager has as many handshakes in flight as it may",
  replacements: "the fast path was promoted only just now",
  sessions: "the service has as many sessions as it may, detach some",
  beach_sessions: "the private beach has as many sessions as it may, detach some",
  beach_leases: "the private beach has as many live leases as it may, release some",
  wrong_passcodes: "too many wrong passcodes of the session were named within a minute",
  attaches: "the private beach attaches more sessions within a minute than it may",
} as const;

function excessInWords(what: keyof typeof excesses | BudgetName): string {
  if (what in excesses) return excesses[what as keyof typeof excesses];
  const { limit, unit, of } = budgetTable[what as BudgetName];
  return `the limit of ${limit} ${unit} is reached for ${of}`;
}

function legacyMessage(refusal: Refusal): string | null {
  switch (refusal.reason) {
    case "UNAUTHENTICATED":
      return null;
    case "SESSION_UNKNOWN":
      return "session not found";
    case "LEASE_NOT_LIVE":
      return "controller mismatch";
    case "PASSCODE_WRONG":
      return "invalid_passcode";
    case "SCOPE_MISSING":
      return refusal.scope;
    case "REVOKED":
    case "KEYS_UNAVAILABLE":
    case "ACCOUNT_MISSING":
    case "NOT_YOUR_BEACH":
    case "FIELD_INVALID":
    case "CONTENDED":
    case "STORE_UNAVAILABLE":
    case "SESSION_UNREADABLE":
    case "ROAD_UNAVAILABLE":
    case "READER_STALLED":
    case "TOO_MANY":
      return circumstances(refusal);
  }
}

function violationsInWords(refusal: FieldsInvalid): string {
  const { violations, rest } = listed(refusal);
  const words = violations.map(({ field, description }) => `"${field}" ${description}`).join("; ");
  return rest === 0 ? words : `${words}; and ${rest} more`;
}

type FieldsInvalid = Extract<Refusal, { reason: "FIELD_INVALID" }>;

/** The wrong fields that a caller is shown, and how many there are beside them. */
function listed({ violations }: FieldsInvalid): {
  readonly violations: FieldViolation[];
  readonly rest: number;
} {
  const shown = violations.slice(0, limits.violations);
  return { violations: shown, rest: violations.length - shown.length };
}
