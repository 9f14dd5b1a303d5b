import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { connect } from "node:http2";
import type { Readable } from "node:stream";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";

import {
  ControllerLease,
  WatchTransportRequestSchema,
  type WatchTransportResponse,
  WatchTransportResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import type { Reach } from "../../support/process/run-service.ts";

/** How a stream ended, as its reader sees it. */
export interface StreamEnd {
  /** By name in Connect, by number in the others. */
  readonly code: string;
  readonly message: string;
  readonly reason: string | undefined;
  readonly hasRetryInfo: boolean;
}

/** A watch that was answered, and of which nothing has been read. */
export interface RawWatch {
  /** Whether the service has to wait, before it can write on, until something is read. */
  readonly isFull: boolean;
  /** Reads all that comes; resolves with the end, or with `reset` when there was none. */
  readToEnd(): Promise<StreamEnd | "reset">;
  /** Reads until a message is the one; resolves with all of them, and the bytes that each took. */
  readUntil(isTheOne: (message: WatchTransportResponse) => boolean): Promise<Received[]>;
  /** Cuts the connection. */
  destroy(): void;
}

/** One over HTTP/1.1, where only the whole connection can make the service wait. */
export interface HttpWatch extends RawWatch {
  /** What the service writes to; it has to be one of this process. */
  readonly response: ServerResponse;
}

export interface Received {
  readonly message: WatchTransportResponse;
  readonly bytes: number;
}

export const rawProtocols = ["gRPC", "Connect", "gRPC-Web"] as const;

export type RawProtocol = (typeof rawProtocols)[number];

/** Watches a whole private beach, and leaves it to flow control to stop the service. */
export function openRawWatch(
  reach: Reach,
  protocol: RawProtocol,
  privateBeachId: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawWatch> {
  return protocol === "gRPC"
    ? openGrpcWatch(reach, privateBeachId, headers)
    : openHttpWatch(reach, protocol, privateBeachId, headers);
}

const path = `/${ControllerLease.typeName}/WatchTransport`;
/** Bytes that the service may send over gRPC before any are read: less than a state takes. */
const narrowWindow = 16;
/** The same once the reader reads on. */
const wideWindow = 1024 * 1024;

async function openGrpcWatch(
  { addresses }: Reach,
  privateBeachId: string,
  headers: Readonly<Record<string, string>>,
): Promise<RawWatch> {
  const session = connect(`http://${addresses.grpc}`, {
    settings: { initialWindowSize: narrowWindow },
  });
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.on("error", () => undefined);
  let trailers: Readonly<Record<string, unknown>> | undefined;
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.end(requestBody(privateBeachId));
  const [answered] = (await once(stream, "response")) as [Readonly<Record<string, unknown>>];
  // A call that is refused at once has its status where the headers are.
  if (answered["grpc-status"] !== undefined) trailers = answered;
  const readOn = (): void => {
    if (!session.destroyed) session.settings({ initialWindowSize: wideWindow });
  };
  return {
    // The window is full with the beginning of the first state.
    isFull: true,
    async readToEnd() {
      readOn();
      await readAll(stream);
      session.destroy();
      return trailers === undefined ? "reset" : endIn(trailers);
    },
    readUntil(isTheOne) {
      readOn();
      return readUntil(stream, isTheOne);
    },
    destroy: () => session.destroy(),
  };
}

/** The reader takes what the kernel does, and no more: then the service can write no more. */
export async function openHttpWatch(
  reach: Reach,
  protocol: Exclude<RawProtocol, "gRPC">,
  privateBeachId: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpWatch> {
  const contentType =
    protocol === "Connect" ? "application/connect+proto" : "application/grpc-web+proto";
  using served = serverResponses();
  const request = httpRequest(reach.httpUrl(path), {
    method: "POST",
    headers: { "content-type": contentType, ...headers },
  });
  request.on("error", () => undefined);
  request.end(requestBody(privateBeachId));
  const [received] = (await once(request, "response")) as [IncomingMessage];
  const response = served.of(request);
  return {
    get response() {
      if (response === undefined) throw new Error("no server of this process has the request");
      return response;
    },
    get isFull() {
      return response?.socket?.writableNeedDrain ?? false;
    },
    async readToEnd() {
      const last = lastEnvelope(await readAll(received));
      if (last === undefined) return "reset";
      return protocol === "Connect" ? connectEnd(last) : endIn(headersIn(last));
    },
    readUntil: (isTheOne) => readUntil(received, isTheOne),
    destroy: () => request.destroy(),
  };
}

/** The responses that servers of this process begin, by the connection that they travel on. */
function serverResponses(): Disposable & {
  of(request: ClientRequest): ServerResponse | undefined;
} {
  const responses: ServerResponse[] = [];
  const note = (message: unknown): void => {
    responses.push((message as { response: ServerResponse }).response);
  };
  subscribe("http.server.request.start", note);
  return {
    // A response that has been sent whole has no socket any more.
    of: ({ socket }) => responses.find((one) => one.socket?.remotePort === socket?.localPort),
    [Symbol.dispose]: () => void unsubscribe("http.server.request.start", note),
  };
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => {
    if (stream.closed) resolve();
    else stream.once("close", resolve);
  });
  return Buffer.concat(chunks);
}

async function readUntil(
  stream: Readable,
  isTheOne: (message: WatchTransportResponse) => boolean,
): Promise<Received[]> {
  const received: Received[] = [];
  let unread = Buffer.alloc(0);
  for await (const chunk of stream) {
    unread = Buffer.concat([unread, chunk as Buffer]);
    for (const { bytes, size } of envelopes(unread)) {
      const message = fromBinary(WatchTransportResponseSchema, bytes);
      received.push({ message, bytes: size });
      if (isTheOne(message)) return received;
      unread = unread.subarray(size);
    }
  }
  throw new Error("the stream ended before that");
}

/** The envelope that ends a stream, if there is one: it has a flag for that. */
function lastEnvelope(bytes: Buffer): Buffer | undefined {
  for (const envelope of envelopes(bytes)) {
    if ((envelope.flags & 0x82) !== 0) return envelope.bytes;
  }
  return undefined;
}

interface Envelope {
  readonly flags: number;
  readonly bytes: Buffer;
  /** With its prefix. */
  readonly size: number;
}

/** The whole envelopes that the bytes begin with. */
function* envelopes(bytes: Buffer): Generator<Envelope> {
  let from = 0;
  while (from + 5 <= bytes.length) {
    const flags = bytes.readUInt8(from);
    const end = from + 5 + bytes.readUInt32BE(from + 1);
    if (end > bytes.length) return;
    yield { flags, bytes: bytes.subarray(from + 5, end), size: end - from };
    from = end;
  }
}

function headersIn(text: Buffer): Readonly<Record<string, unknown>> {
  const lines = text.toString().trim().split("\r\n");
  return Object.fromEntries(lines.map((line) => line.split(/: (.*)/s)));
}

function endIn(trailers: Readonly<Record<string, unknown>>): StreamEnd {
  const details = trailers["grpc-status-details-bin"];
  const status = fromBinary(StatusSchema, base64Decode(String(details ?? "")));
  const info = status.details.find(({ typeUrl }) => typeUrl.endsWith(ErrorInfoSchema.typeName));
  return {
    code: String(trailers["grpc-status"]),
    message: decodeURIComponent(String(trailers["grpc-message"] ?? "")),
    reason: info && fromBinary(ErrorInfoSchema, info.value).reason,
    hasRetryInfo: status.details.some(({ typeUrl }) => typeUrl.endsWith(RetryInfoSchema.typeName)),
  };
}

function connectEnd(json: Buffer): StreamEnd {
  const { error } = JSON.parse(json.toString()) as {
    error?: {
      code: string;
      message?: string;
      details?: { type: string; debug?: { reason?: string } }[];
    };
  };
  const types = error?.details?.map(({ type }) => type) ?? [];
  const info = error?.details?.find(({ type }) => type === ErrorInfoSchema.typeName);
  return {
    code: error?.code ?? "ok",
    message: error?.message ?? "",
    reason: info?.debug?.reason,
    hasRetryInfo: types.includes(RetryInfoSchema.typeName),
  };
}

function requestBody(privateBeachId: string): Buffer {
  const request = create(WatchTransportRequestSchema, { privateBeachId });
  return enveloped(toBinary(WatchTransportRequestSchema, request));
}
