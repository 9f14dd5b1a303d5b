import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import {
  ControllerLease,
  WatchTransportRequestSchema,
  WatchTransportResponseSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../support/network/enveloped.ts";

/** A door that streams over HTTP/2, and in which protocol. */
export interface StreamingDoor {
  readonly url: string;
  readonly protocol: "gRPC" | "Connect";
  /** The authority of its certificate in PEM, where it has one. */
  readonly ca?: string;
}

/** One stream, which has said all there was when it was opened. */
interface OpenStream {
  /** How it ended: its last event, and its status; `draining, 14` where all went well over gRPC. */
  readonly ended: Promise<string>;
}

/** Many streams over a few connections. */
export interface OpenStreams extends Disposable {
  readonly streams: readonly OpenStream[];
}

/** The public door takes a thousand a connection. */
const streamsPerConnection = 625;
/** Opened at a time on one connection, so that none waits in a queue of the kernel. */
const atOnce = 125;
const path = `/${ControllerLease.typeName}/WatchTransport`;
const prefixBytes = 5;
const endOfConnect = 2;

/** Opens the streams, each on one of the sessions in turn; resolves when each has had its bookmark. */
export async function openStreams(
  door: StreamingDoor,
  count: number,
  sessionIds: readonly string[],
): Promise<OpenStreams> {
  const connections = Math.ceil(count / streamsPerConnection);
  const sessions = await Promise.all(Array.from({ length: connections }, () => openSession(door)));
  const shares = await Promise.all(
    sessions.map(async (session, connection) => {
      const streams: OpenStream[] = [];
      const share = Math.floor((count - connection + connections - 1) / connections);
      while (streams.length < share) {
        const batch = Array.from({ length: Math.min(atOnce, share - streams.length) }, (_, at) => {
          const sessionId = sessionIds[(streams.length + at) % sessionIds.length] ?? "";
          return openStream(session, door.protocol, sessionId);
        });
        streams.push(...(await Promise.all(batch)));
      }
      return streams;
    }),
  );
  return {
    streams: shares.flat(),
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy();
    },
  };
}

async function openSession({ url, ca }: StreamingDoor): Promise<ClientHttp2Session> {
  const session = connect(url, ca === undefined ? {} : { ca });
  await once(session, "connect");
  session.setMaxListeners(0);
  session.on("error", () => undefined);
  return session;
}

async function openStream(
  session: ClientHttp2Session,
  protocol: StreamingDoor["protocol"],
  sessionId: string,
): Promise<OpenStream> {
  const format = protocol === "gRPC" ? "application/grpc+proto" : "application/connect+proto";
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": format,
    ...(protocol === "gRPC" ? { te: "trailers" } : { "connect-protocol-version": "1" }),
  });
  stream.end(enveloped(toBinary(WatchTransportRequestSchema, requestFor(sessionId))));
  const reading = new Reading(stream);
  await reading.begun;
  return { ended: reading.ended };
}

function requestFor(
  sessionId: string,
): ReturnType<typeof create<typeof WatchTransportRequestSchema>> {
  return create(WatchTransportRequestSchema, { sessionIds: [sessionId] });
}

/** Reads one stream, and keeps of it what it says last. */
class Reading {
  readonly begun: Promise<void>;
  readonly ended: Promise<string>;
  #rest = Buffer.alloc(0);
  #lastEvent: string | undefined;
  #status = "no status";
  #begin: () => void = () => undefined;

  constructor(stream: ClientHttp2Stream) {
    const begun = Promise.withResolvers<void>();
    this.#begin = begun.resolve;
    this.begun = begun.promise;
    stream.on("trailers", (trailers) => {
      this.#status = String(trailers["grpc-status"]);
    });
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("error", (error: Error) => {
      this.#status = error.message;
    });
    this.ended = new Promise((resolve) => {
      stream.on("close", () => {
        const how = `${this.#lastEvent}, ${this.#status}`;
        begun.reject(new Error(`a stream ended before it began: ${how}`));
        resolve(how);
      });
    });
  }

  #take(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= prefixBytes) {
      const end = prefixBytes + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      const message = bytes.subarray(prefixBytes, end);
      if (bytes.readUInt8(0) === endOfConnect) this.#status = codeIn(message);
      else this.#hear(message);
      bytes = bytes.subarray(end);
    }
    this.#rest = Buffer.from(bytes);
  }

  #hear(message: Uint8Array): void {
    this.#lastEvent = fromBinary(WatchTransportResponseSchema, message).event.case;
    if (this.#lastEvent === "bookmark") this.#begin();
  }
}

function codeIn(message: Uint8Array): string {
  const { error } = JSON.parse(Buffer.from(message).toString()) as { error?: { code?: string } };
  return error?.code ?? "ok";
}
