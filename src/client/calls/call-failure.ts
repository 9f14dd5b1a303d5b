import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

/** Why a call failed, as programs and people need it. */
export interface CallFailure {
  /**
   * The stable word of a refusal, such as `LEASE_NOT_LIVE`. Of a call that no service refused, the
   * name of its status, such as `Unavailable` or `DeadlineExceeded`.
   */
  readonly reason: string;
  /** What the refusal says to people. */
  readonly message: string;
  /** With `LEASE_NOT_LIVE`: how the lease ended. */
  readonly endedBy?: EndedBy;
  /** When the service wants to be asked again. */
  readonly retryAfterMs?: number;
}

/** How a lease ended, in the words of the contract. `unknown`: the session has no record of it. */
export type EndedBy = "expired" | "released" | "revoked" | "detached" | "unknown";

const endings: readonly string[] = ["expired", "released", "revoked", "detached", "unknown"];

/** An ending that this version does not know is taken as `unknown`. */
export function toEndedBy(word: string): EndedBy {
  return endings.includes(word) ? (word as EndedBy) : "unknown";
}

/** Reads a failure out of whatever a call threw. */
export function callFailure(thrown: unknown): CallFailure {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const reason = info?.reason || Code[error.code];
  return {
    reason,
    message: error.rawMessage,
    ...(reason === "LEASE_NOT_LIVE" && {
      endedBy: toEndedBy(info?.metadata.ended_by ?? ""),
    }),
    ...(retry?.retryDelay && { retryAfterMs: durationMs(retry.retryDelay) }),
  };
}
