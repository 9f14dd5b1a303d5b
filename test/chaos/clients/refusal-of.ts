import { durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";

import type { Refusal } from "../../../src/core/refusal.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../src/gen/google/rpc/error_details_pb.js";

/** The refusal that an error carries; undefined when no service said anything. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined) return undefined;
  const [retry] = error.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay;
  const [bad] = error.findDetails(BadRequestSchema);
  return refusalNamed(info.reason, {
    endedBy: info.metadata.ended_by,
    what: info.metadata.what,
    retryAfterMs: delay === undefined ? undefined : durationMs(delay),
    violations: bad?.fieldViolations.map(({ field, description }) => ({ field, description })),
  });
}

/** A refusal by its stable word, with its details. */
export function refusalNamed(
  reason: string,
  received: Readonly<Record<string, unknown>> = {},
): Refusal {
  const known = Object.entries(received).filter(([, value]) => value !== undefined);
  return { reason, ...Object.fromEntries(known) } as Refusal;
}
