import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";

import { create, toBinary, toJsonString } from "@bufbuild/protobuf";

import {
  ControllerLease,
  WatchTransportRequestSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../support/network/enveloped.ts";
import { type Format, type Habit, json, proto, RawReader } from "./raw-reader.ts";

/** Many streams on one session, each of which costs the client next to nothing. */
export interface RawStreams extends Disposable {
  readonly readers: readonly RawReader[];
}

interface Wanted {
  readonly sessionId: string;
  readonly streams: number;
  readonly habit: Habit;
}

const path = `/${ControllerLease.typeName}/WatchTransport`;
const connectionsMin = 4;
/** Opened at a time, so that none waits in a queue of the kernel. */
const batch = 500;

/** Each way to watch that is measured. */
export type Way = "gRPC" | "Connect" | "Connect with JSON" | "Connect over HTTP/2";

/**
 * Streams on a few connections, or over Connect and HTTP/1.1 on a connection each. Over HTTP/2 the
 * public door speaks TLS, with a certificate that this process trusts.
 */
export function openStreams(
  { grpc, http }: { readonly grpc: string; readonly http: string },
  way: Way,
  wanted: Wanted,
): Promise<RawStreams> {
  switch (way) {
    case "gRPC":
      return openOverHttp2(`http://${grpc}`, ofGrpc, wanted);
    case "Connect":
      return openConnectStreams(http, wanted, proto);
    case "Connect with JSON":
      return openConnectStreams(http, wanted, json);
    case "Connect over HTTP/2":
      return openOverHttp2(`https://${http}`, ofConnect, wanted);
  }
}

/** What a protocol adds to a request, and how many streams it may have on a connection. */
interface Protocol {
  readonly headers: Readonly<Record<string, string>>;
  readonly streamsEach: number;
}

const ofGrpc: Protocol = {
  headers: { "content-type": "application/grpc", te: "trailers" },
  streamsEach: Number.POSITIVE_INFINITY,
};
const ofConnect: Protocol = {
  headers: { "content-type": "application/connect+proto" },
  streamsEach: 900,
};

async function openOverHttp2(
  origin: string,
  { headers, streamsEach }: Protocol,
  wanted: Wanted,
): Promise<RawStreams> {
  const connections = Math.max(connectionsMin, Math.ceil(wanted.streams / streamsEach));
  const sessions = await Promise.all(
    Array.from({ length: connections }, () => openSession(origin)),
  );
  const body = requestBody(wanted.sessionId, proto);
  const readers = await inBatches(wanted.streams, async (index) => {
    const session = sessions[index % connections] as ClientHttp2Session;
    const stream = await openStream(session, headers, body);
    return new RawReader(stream, wanted.habit, proto);
  });
  return {
    readers,
    [Symbol.dispose]() {
      for (const reader of readers) reader.stop();
      for (const session of sessions) session.destroy();
    },
  };
}

/** On a connection each, as HTTP/1.1 has it. */
async function openConnectStreams(
  address: string,
  wanted: Wanted,
  format: Format,
): Promise<RawStreams> {
  const agent = new Agent();
  const body = requestBody(wanted.sessionId, format);
  const readers = await inBatches(wanted.streams, async () => {
    const request = httpRequest(`http://${address}${path}`, {
      method: "POST",
      headers: { "content-type": `application/connect+${format.name}` },
      agent,
    });
    request.on("error", () => undefined);
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.on("error", () => undefined);
    return new RawReader(response, wanted.habit, format);
  });
  return {
    readers,
    [Symbol.dispose]() {
      agent.destroy();
    },
  };
}

async function inBatches<T>(count: number, open: (index: number) => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const from = opened.length;
    const length = Math.min(batch, count - from);
    opened.push(...(await Promise.all(Array.from({ length }, (_, index) => open(from + index)))));
  }
  return opened;
}

async function openSession(origin: string): Promise<ClientHttp2Session> {
  const session = connect(origin);
  session.on("error", () => undefined);
  // The server's limit on streams is not known before.
  await once(session, "remoteSettings");
  return session;
}

async function openStream(
  session: ClientHttp2Session,
  headers: Protocol["headers"],
  body: Buffer,
): Promise<ClientHttp2Stream> {
  const stream = session.request({ ":method": "POST", ":path": path, ...headers });
  stream.on("error", () => undefined);
  stream.end(body);
  await once(stream, "response");
  return stream;
}

function requestBody(sessionId: string, { name }: Format): Buffer {
  const request = create(WatchTransportRequestSchema, { sessionIds: [sessionId] });
  const message =
    name === "json"
      ? Buffer.from(toJsonString(WatchTransportRequestSchema, request))
      : toBinary(WatchTransportRequestSchema, request);
  return enveloped(message);
}
