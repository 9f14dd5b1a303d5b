import type { Interceptor } from "@connectrpc/connect";

import { exitCodes, Failure, FileFailure } from "../failure.ts";
import { bearerInEnvironment } from "./read-env.ts";
import { readText } from "./read-text.ts";

/**
 * What sets the bearer of each call; nothing where there is none. A file is read anew for each call:
 * whoever renews it need not start this again.
 */
export function bearerInterceptors(path: string | undefined): readonly Interceptor[] {
  const read = path === undefined ? readerOfEnvironment() : () => readBearer(path);
  if (read === undefined) return [];
  read();
  return [
    (next) => async (request) => {
      const bearer = read();
      request.header.set("authorization", `Bearer ${bearer}`);
      const response = await next(request);
      if (!response.stream) return response;
      const message = withoutNeedlessWarnings(response.message, () => isAnother(read, bearer));
      return { ...response, message };
    },
  ];
}

/** The environment of a process stays as it is. */
function readerOfEnvironment(): (() => string) | undefined {
  const bearer = bearerInEnvironment();
  if (bearer === undefined) return undefined;
  if (!isBearer(bearer))
    throw new Failure(noBearer("LEASE_BEARER"), { exitCode: exitCodes.badUsage });
  return () => bearer;
}

/** Throws {@link FileFailure}. */
function readBearer(path: string): string {
  const bearer = readText("--bearer-file", path).trim();
  if (!isBearer(bearer)) throw new FileFailure(noBearer(path));
  return bearer;
}

function isBearer(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function noBearer(where: string): string {
  return `${where} holds no bearer: it must be one token without spaces`;
}

/** A warning that the bearer ends is of use only where there is another one by now. */
async function* withoutNeedlessWarnings<T>(
  messages: AsyncIterable<T>,
  hasAnother: () => boolean,
): AsyncIterable<T> {
  for await (const message of messages) {
    const { event } = message as { readonly event?: { readonly case?: string } };
    if (event?.case !== "bearerExpiring" || hasAnother()) yield message;
  }
}

/** None as long as the file cannot be used: the stream that there is goes on. */
function isAnother(read: () => string, bearer: string): boolean {
  try {
    return read() !== bearer;
  } catch (error) {
    if (error instanceof FileFailure) return false;
    throw error;
  }
}
