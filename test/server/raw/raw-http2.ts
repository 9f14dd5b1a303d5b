import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
} from "node:http2";
import { create, fromBinary } from "@bufbuild/protobuf";
import { vi } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { patient } from "../../support/runs/patient.ts";

/** How a call over gRPC ended, as its trailers say. */
export interface GrpcEnd {
  readonly status: string;
  readonly message: string;
  readonly reason: string | undefined;
  /** What a refusal for a budget names. */
  readonly what: string | undefined;
  readonly hasRetryInfo: boolean;
}

/** A connection to a door over HTTP/2, without any of the stacks. */
export class RawHttp2 implements Disposable {
  readonly session: ClientHttp2Session;

  /** @param address where the internal door listens in clear; else a URL */
  constructor(address: string, options: ClientSessionOptions = {}) {
    const url = address.includes("://") ? address : `http://${address}`;
    this.session = connect(url, options);
    this.session.on("error", () => undefined);
  }

  open(path: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => undefined);
    return stream;
  }

  openAndReset(count: number): void {
    for (let opened = 0; opened < count; opened += 1) this.open("/none").close(8);
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}

/** Reads all that comes and resolves with the end of the call. */
export async function grpcEnd(stream: ClientHttp2Stream): Promise<GrpcEnd> {
  let ending: Readonly<Record<string, unknown>> = {};
  const note = (headers: Readonly<Record<string, unknown>>): void => {
    if (headers["grpc-status"] !== undefined) ending = headers;
  };
  stream.on("response", note);
  stream.on("trailers", note);
  stream.resume();
  await once(stream, "close");
  const details = Buffer.from(String(ending["grpc-status-details-bin"] ?? ""), "base64");
  const status = details.length === 0 ? create(StatusSchema) : fromBinary(StatusSchema, details);
  const find = (name: string): Uint8Array | undefined =>
    status.details.find(({ typeUrl }) => typeUrl.endsWith(`.${name}`))?.value;
  const info = find("ErrorInfo");
  const read = info === undefined ? undefined : fromBinary(ErrorInfoSchema, info);
  return {
    status: String(ending["grpc-status"]),
    message: decodeURIComponent(String(ending["grpc-message"] ?? "")),
    reason: read?.reason,
    what: read?.metadata.what,
    hasRetryInfo: find(RetryInfoSchema.name) !== undefined,
  };
}

/**
 * Opens streams and resets them until a door takes no new connection from here. A part of what may be
 * reset comes back each second: who is slow has to spend it again.
 */
export async function resetUntilRefused(address: string, resetsMax: number): Promise<void> {
  await vi.waitUntil(async () => {
    using greedy = new RawHttp2(address);
    greedy.openAndReset(2 * resetsMax);
    await vi.waitUntil(() => greedy.session.destroyed, patient);
    return !(await isServedAnew(address));
  }, patient);
}

/** Whether a door over HTTP/2 answers a call on a connection that begins now. */
export async function isServedAnew(address: string): Promise<boolean> {
  using raw = new RawHttp2(address);
  const stream = raw.open("/none");
  stream.end();
  return await grpcEnd(stream).then(
    ({ status }) => status !== "undefined",
    () => false,
  );
}
