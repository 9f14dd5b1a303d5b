import { createNodeTransport, type NodeTransport } from "../../client/node.ts";
import { badUsage, type CallPlace } from "../failure.ts";
import { parseTimeout } from "../terminal/durations.ts";
import { bearerInterceptors } from "./bearer.ts";
import { isHostPort } from "./host-port.ts";
import { readText } from "./read-text.ts";

/** Options of every command that calls the service. */
export const callingOptions = {
  address: { type: "string", default: "127.0.0.1:50051" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  "bearer-file": { type: "string" },
  timeout: { type: "string", default: "10s" },
  json: { type: "boolean", default: false },
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
  const timeoutMs = parseTimeout(values.timeout);
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
  const { scheme, door = "" } =
    /^(?:(?<scheme>https?):\/\/)?(?<door>[^/]+)\/?$/.exec(address)?.groups ?? {};
  if (!isHostPort(door)) {
    throw badUsage(`--address is "${address}": it must be host:port, or https://host:port for TLS`);
  }
  const { origin, host, protocol } = new URL(
    `${scheme ?? (isTlsAsked ? "https" : "http")}://${door}`,
  );
  return { baseUrl: origin, host, isSecure: protocol === "https:" };
}

function tlsOf({ ca, cert, key }: CallingValues): Readonly<Record<string, string>> {
  const files = { ca, cert, key };
  const read = Object.entries(files).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, readText(`--${name}`, path)] as const],
  );
  return Object.fromEntries(read);
}
