import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "vitest";

import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../src/gen/google/rpc/error_details_pb.js";

/** What a caller can read off a refused call. */
export interface SeenRefusal {
  readonly code: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
  readonly retryable: boolean;
  readonly message: string;
}

/** The refusal of a call that has to be refused. */
export async function refusalOf(call: Promise<unknown>): Promise<SeenRefusal> {
  const error = await call.then(
    (answer) => expect.fail(`answered ${JSON.stringify(answer, bigints)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    code: Code[error.code],
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata ?? {},
    fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
    retryable: error.findDetails(RetryInfoSchema).length === 1,
    message: error.rawMessage,
  };
}

/** The answers of a stream until `enough` says so; the stream is left then. */
export async function takeUntil<T>(
  stream: AsyncIterable<T>,
  enough: (seen: readonly T[]) => boolean,
): Promise<readonly T[]> {
  const seen: T[] = [];
  for await (const message of stream) {
    seen.push(message);
    if (enough(seen)) break;
  }
  return seen;
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
