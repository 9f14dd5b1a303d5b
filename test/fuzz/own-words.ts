import { gunzipSync } from "node:zlib";

import { howToBuild } from "../../src/server/public/page-routes.ts";
import type { HttpAnswer } from "./http-answers.ts";

/** Texts that do not begin with what cannot be done. */
const ownTexts: readonly RegExp[] = [
  /^Cannot [a-z]/,
  /^the caller left$/,
  /^the deadline passed$/,
  /^no such method is known here$/,
  /^no such route$/,
  /^the (?:request|path|method|chunks)\b.* must /,
  /^"[\w.[\]-]+" must /,
  /^\w+ must be called over HTTP\/2$/,
];

/** Words that the old routes, and the doors by themselves, have for what is wrong. */
const legacyErrors: readonly unknown[] = [
  "unauthorized",
  "forbidden",
  "not_found",
  "conflict",
  "bad_request",
  "too_many_requests",
  "upstream_error",
];

const codes: readonly unknown[] = [
  "canceled",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "unimplemented",
  "unavailable",
  "unauthenticated",
];
const connectCodes = new Set(codes);

/** What only libraries say, in whatever place. */
const foreign =
  /Error:|Exception|SyntaxError|Unexpected|undefined|\[object|node:|\bat \S+ \(|FST_|HPE_|ERR_|ECONN|protocol error|illegal|premature/;

/** INTERNAL and UNKNOWN: a bug of the service. */
const bugStatuses: readonly string[] = ["2", "13"];

/** Why an answer to gRPC is not in the service's own words; undefined when it is. */
export function faultOfGrpc(status: string, message: string): string | undefined {
  if (status === "0") return undefined;
  if (bugStatuses.includes(status)) return `gRPC status ${status}: ${message}`;
  return faultOfText(message);
}

/** Why an answer over HTTP/1.1 is not in the service's own words; undefined when it is. */
export function faultOfHttp(answer: HttpAnswer): string | undefined {
  const { status, headers } = answer;
  const type = headers["content-type"] ?? "";
  if (status >= 500 && status !== 503 && status !== 501 && status !== 505) return said(answer);
  if (type.startsWith("application/grpc")) return faultOfGrpcWeb(answer);
  if (type.startsWith("application/connect+")) return faultOfConnectStream(answer);
  if (status < 400 || !answer.isWhole || answer.body.length === 0) {
    return status >= 400 && answer.isWhole && headers["content-length"] !== undefined
      ? faultOfEmpty(answer)
      : undefined;
  }
  const text = plain(answer);
  return text === howToBuild ? undefined : faultOfJson(text, answer);
}

function faultOfEmpty(answer: HttpAnswer): string | undefined {
  return answer.body.length === 0 ? `says nothing: ${said(answer)}` : undefined;
}

function faultOfJson(text: string, answer: HttpAnswer): string | undefined {
  const body = parsed(text);
  if (body === undefined) return `no JSON: ${said(answer)}`;
  if ("code" in body) {
    if (!connectCodes.has(body.code)) return said(answer);
    return faultOfText(String(body.message));
  }
  if (!legacyErrors.includes(body.error)) return said(answer);
  return body.message === null ? undefined : faultOfLegacyText(body.message);
}

function faultOfLegacyText(message: unknown): string | undefined {
  if (typeof message !== "string" || message === "") return `message is ${String(message)}`;
  return foreign.test(message) ? `not our words: ${message}` : undefined;
}

function faultOfText(message: string): string | undefined {
  const isOwn = ownTexts.some((text) => text.test(message)) && !foreign.test(message);
  return isOwn ? undefined : `not our words: ${message}`;
}

/** The status stands in the headers, or in the last frame. */
function faultOfGrpcWeb({ headers, body }: HttpAnswer): string | undefined {
  const isText = (headers["content-type"] ?? "").includes("-text");
  const bytes = isText ? Buffer.from(body.toString("latin1"), "base64") : body;
  const trailers = framesIn(bytes).find(({ flags }) => (flags & 0x80) !== 0);
  const text = trailers?.bytes.toString("latin1") ?? "";
  const find = (name: string): string | undefined =>
    headers[name] ?? new RegExp(`^${name}: *(.*)$`, "im").exec(text)?.[1]?.trim();
  const status = find("grpc-status");
  if (status === undefined) return undefined;
  return faultOfGrpc(status, decoded(find("grpc-message") ?? ""));
}

function faultOfConnectStream(answer: HttpAnswer): string | undefined {
  const end = framesIn(answer.body).find(({ flags }) => (flags & 2) !== 0);
  if (end === undefined) return undefined;
  const bytes = (end.flags & 1) !== 0 && end.bytes.length > 0 ? unpacked(end.bytes) : end.bytes;
  const error = parsed(bytes?.toString() ?? "{}")?.error;
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (!connectCodes.has(code)) return `Connect ${String(code)}: ${String(message)}`;
  return faultOfText(String(message));
}

interface Frame {
  readonly flags: number;
  readonly bytes: Buffer;
}

function framesIn(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    frames.push({ flags: bytes.readUInt8(at), bytes: bytes.subarray(at + 5, end) });
    at = end;
  }
  return frames;
}

function plain({ headers, body }: HttpAnswer): string {
  return (headers["content-encoding"] === "gzip" ? unpacked(body) : body)?.toString() ?? "";
}

function unpacked(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes);
  } catch {
    return undefined;
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function said({ status, body }: HttpAnswer): string {
  return `HTTP ${status}: ${body.toString("latin1").slice(0, 300)}`;
}
