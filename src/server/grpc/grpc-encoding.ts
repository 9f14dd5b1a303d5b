import { Code, ConnectError } from "@connectrpc/connect";

import { quoted } from "../../api/request/quoted.ts";
import type { Encoding } from "../intake/unpack.ts";

/** What `grpc-encoding` names, undefined for none; throws UNIMPLEMENTED for what nobody knows. */
export function grpcEncodingOf(name: string): Encoding | undefined {
  if (name === "identity") return undefined;
  if (name === "gzip" || name === "deflate") return name;
  const message = `Cannot read the request: "grpc-encoding" is ${quoted(name)} and must be identity, gzip or deflate`;
  throw new ConnectError(message, Code.Unimplemented);
}
