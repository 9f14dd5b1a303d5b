import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";

import { enveloped } from "../../support/network/enveloped.ts";
import type { Outcomes } from "./outcomes.ts";
import { ownAddress } from "./own-address.ts";
import { placeOf } from "./place.ts";
import { reasonIn } from "./refusal-words.ts";

/** What is counted when a status comes with a text that some peers would not take in a header. */
export const longRefusal = "a refusal over 4 kB";
const messageLengthMax = 4_096;

/** Calls a door over one HTTP/2 connection, with bytes as they are. */
export interface GrpcCaller extends Disposable {
  readonly session: ClientHttp2Session;
  /** One message, one answer; resolves with the answer's bytes, prefix included. Never rejects. */
  unary(path: string, message: Uint8Array): Promise<Buffer>;
  /** Opens a stream; how it ends is counted. What it is sent is up to the caller. */
  open(path: string, headers?: Readonly<Record<string, string>>): ClientHttp2Stream;
}

/** @param address with `https://` in front where the door speaks TLS */
export async function grpcCaller(
  address: string,
  outcomes: Outcomes,
  settings: { readonly initialWindowSize?: number } = {},
): Promise<GrpcCaller> {
  const { host, port, isSecure } = placeOf(address);
  const session = connect(`http://${host}:${port}`, {
    settings: { enablePush: false, ...settings },
    maxSessionMemory: 1_000,
    createConnection: () => {
      const options = { host, port, localAddress: ownAddress };
      if (!isSecure) return connectTcp(options);
      return connectTls({ ...options, ALPNProtocols: ["h2"], rejectUnauthorized: false });
    },
  });
  session.on("error", (error: NodeJS.ErrnoException) => outcomes.see(error.code ?? error.message));
  session.on("goaway", (code) => outcomes.see(`GOAWAY ${codeName(code)}`));
  await Promise.race([once(session, "remoteSettings"), once(session, "close")]).catch(
    () => undefined,
  );
  session.setMaxListeners(0);
  const open: GrpcCaller["open"] = (path, headers = {}) => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    countEnd(stream, outcomes);
    return stream;
  };
  return {
    session,
    open,
    async unary(path, message) {
      if (session.destroyed || session.closed) return Buffer.alloc(0);
      const stream = open(path);
      stream.end(enveloped(message));
      return await readAll(stream);
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}

async function readAll(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!stream.closed) await new Promise<void>((resolve) => stream.once("close", () => resolve()));
  return Buffer.concat(chunks);
}

function countEnd(stream: ClientHttp2Stream, outcomes: Outcomes): void {
  let status: string | undefined;
  const note = (headers: Readonly<Record<string, unknown>>): void => {
    if (headers["grpc-status"] === undefined) return;
    status = statusIn(headers);
    if (String(headers["grpc-message"]).length > messageLengthMax) outcomes.see(longRefusal);
  };
  stream.on("response", note);
  stream.on("trailers", note);
  stream.on("error", () => undefined);
  stream.on("close", () => outcomes.see(status ?? `RST ${codeName(stream.rstCode)}`));
}

function statusIn(headers: Readonly<Record<string, unknown>>): string {
  const details = Buffer.from(String(headers["grpc-status-details-bin"] ?? ""), "base64");
  const word = reasonIn(details.toString("latin1"));
  const status = `grpc ${headers["grpc-status"]}`;
  return word === undefined ? status : `${status} ${word}`;
}

/** How HTTP/2 names an error code, without its prefix. */
export function codeName(code: number | undefined): string {
  const found = Object.entries(constants).find(
    ([name, value]) => errorCode.test(name) && value === code,
  );
  return found?.[0].replace("NGHTTP2_", "") ?? String(code);
}

const errorCode =
  /^NGHTTP2_(NO|PROTOCOL|INTERNAL|FLOW_CONTROL|FRAME_SIZE|COMPRESSION|CONNECT)_ERROR$|^NGHTTP2_(SETTINGS_TIMEOUT|STREAM_CLOSED|REFUSED_STREAM|CANCEL|ENHANCE_YOUR_CALM|INADEQUATE_SECURITY|HTTP_1_1_REQUIRED)$/;
