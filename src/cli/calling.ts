import { readFileSync } from "node:fs";

import type { Interceptor } from "@connectrpc/connect";

import { createNodeTransport, type NodeTransport } from "../client/node.ts";
import { parseDuration } from "./durations.ts";
import { badUsage, type CallPlace, exitCodes, Failure } from "./failure.ts";
import { bearerInEnvironment } from "./read-env.ts";

/** Options of every command that calls the service. */
export const callingOptions = {
  address: { type: "string", default: "127.0.0.1:50051" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  "bearer-file": { type: "string" },
  timeout: { type: "string", default: "10s" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h" },
} as const;

export interface CallingValues {
  readonly address: string;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly "bearer-file"?: string | undefined;
  readonly timeout: string;
}

/** A way to the service. */
export interface Calling extends Disposable {
  readonly transport: NodeTransport;
  readonly place: CallPlace;
}

/** Opens nothing yet: the first call connects. */
export function openCalling(values: CallingValues): Calling {
  const timeoutMs = parseDuration("--timeout", values.timeout);
  if (timeoutMs === 0) throw badUsage("--timeout is 0: it must be longer");
  const { baseUrl, host, isSecure } = urlOf(values);
  const place = { address: host, isSecure, timeoutMs };
  const transport = createNodeTransport({
    baseUrl,
    protocol: "grpc",
    interceptors: bearerInterceptors(values["bearer-file"]),
    ...(isSecure && { tls: tlsOf(values) }),
  });
  return { transport, place, [Symbol.dispose]: () => transport.close() };
}

interface Url {
  readonly baseUrl: string;
  readonly host: string;
  readonly isSecure: boolean;
}

function urlOf({ address, ca, cert, key }: CallingValues): Url {
  if ((cert === undefined) !== (key === undefined)) {
    throw badUsage("--cert and --key belong together: give both");
  }
  const isTlsAsked = ca !== undefined || cert !== undefined;
  if (address.startsWith("http://") && isTlsAsked) {
    throw badUsage(`--address is "${address}": with --ca or --cert it must be https://`);
  }
  const { scheme, door } =
    /^(?:(?<scheme>https?):\/\/)?(?<door>[^/@]+:\d{1,5})\/?$/.exec(address)?.groups ?? {};
  const text = `${scheme ?? (isTlsAsked ? "https" : "http")}://${door}`;
  if (door === undefined || !URL.canParse(text)) {
    throw badUsage(`--address is "${address}": it must be host:port, or https://host:port for TLS`);
  }
  const { origin, host, protocol } = new URL(text);
  return { baseUrl: origin, host, isSecure: protocol === "https:" };
}

function tlsOf({ ca, cert, key }: CallingValues): Readonly<Record<string, string>> {
  const files = { ca, cert, key };
  const read = Object.entries(files).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, readText(`--${name}`, path)] as const],
  );
  return Object.fromEntries(read);
}

/** The bearer is read anew for each call: whoever renews the file need not start this again. */
function bearerInterceptors(path: string | undefined): readonly Interceptor[] {
  const read = (): string | undefined =>
    path === undefined ? bearerInEnvironment() : readText("--bearer-file", path).trim();
  const first = read();
  if (first === undefined) return [];
  mustBeBearer(first, path);
  return [
    (next) => async (request) => {
      const bearer = read() ?? first;
      request.header.set("authorization", `Bearer ${bearer}`);
      const response = await next(request);
      if (!response.stream) return response;
      const message = withoutNeedlessWarnings(response.message, () => read() !== bearer);
      return { ...response, message };
    },
  ];
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

function mustBeBearer(bearer: string, path: string | undefined): void {
  if (/^[\x21-\x7e]+$/.test(bearer)) return;
  throw new Failure(
    `${path === undefined ? "LEASE_BEARER" : path} holds no bearer: it must be one token without spaces`,
    { exitCode: exitCodes.badUsage },
  );
}

function readText(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new Failure(`${option} ${path} cannot be read (${code})`, {
      exitCode: exitCodes.badUsage,
      cause,
    });
  }
}
