import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
} from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

import { answersIn } from "./http-answers.ts";
import { faultOfGrpc, faultOfHttp } from "./own-words.ts";
import type { GrpcRequest, HttpRequest, RawBytes, ResetBurst } from "./requests.ts";

/** Sends something to a door; answers what is wrong with what came back, if anything is. */
export type Send<Sent> = (sent: Sent) => Promise<string | undefined>;

/** An answer that takes longer never comes, however busy the machine is. */
const answerMsMax = 60_000;
/** Streams stay open when all is well, and requests whose rest does not come are waited for. */
const openMs = 30;

/** Apart from those who behave well: resets are counted for each address. */
const localAddress = "127.0.0.2";

const streaming = /\/(?:WatchTransport|KeepAlive|Watch|ServerReflectionInfo)$/;

export function httpSender(addresses: Readonly<Record<"http" | "ops", string>>): Send<HttpRequest> {
  return async (request) => {
    const socket = await open(addresses[request.door]);
    const received = receive(socket);
    const [head, body] = bytesOf(request);
    await write(socket, head);
    const length = Math.ceil(body.length / request.parts) || 1;
    for (let at = 0; at < body.length; at += length) {
      await write(socket, body.subarray(at, at + length));
      if (request.parts > 1) await nextTurn();
    }
    const isWhole = ["length", "chunked", "none", "shorter"].includes(request.framing);
    const mayStayOpen = !isWhole || streaming.test(request.path);
    const isEnded = await Promise.race([
      received.ended.then(() => true),
      delay(mayStayOpen ? openMs : answerMsMax, false, { ref: false }),
    ]);
    socket.destroy();
    if (!isEnded && !mayStayOpen) return "no answer";
    // What follows an answer to HEAD is an answer to what was sent behind it.
    if (request.method === "HEAD") return undefined;
    const answers = answersIn(received.bytes());
    if (answers === undefined) return `no HTTP: ${received.bytes().toString("latin1", 0, 200)}`;
    return answers.map(faultOfHttp).find((fault) => fault !== undefined);
  };
}

function bytesOf(request: HttpRequest): readonly [head: Buffer, body: Buffer] {
  const { method, path, headers, body, framing } = request;
  const lines = [`${method} ${path || "/"} HTTP/1.1`, "host: fuzz", "connection: close"];
  lines.push(...headers.map(([name, value]) => `${name}: ${value}`));
  const lengths = {
    length: body.length,
    longer: body.length + 7,
    shorter: Math.max(0, body.length - 7),
    huge: 2 ** 40,
  };
  if (framing === "chunked") lines.push("transfer-encoding: chunked");
  else if (framing !== "none") lines.push(`content-length: ${lengths[framing]}`);
  const sent = framing === "chunked" ? chunked(body) : framing === "none" ? Buffer.alloc(0) : body;
  return [Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), sent];
}

function chunked(body: Buffer): Buffer {
  const end = Buffer.from("0\r\n\r\n");
  if (body.length === 0) return end;
  return Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from("\r\n"),
    end,
  ]);
}

/** Sends bytes to any door, then nothing more: what comes back has to be ours, and to end. */
export function rawSender(addresses: Readonly<Record<RawBytes["door"], string>>): Send<RawBytes> {
  return async ({ door, bytes }) => {
    const socket = await open(addresses[door]);
    const received = receive(socket);
    await write(socket, bytes);
    socket.end();
    const isEnded = await Promise.race([
      received.ended.then(() => true),
      delay(answerMsMax, false, { ref: false }),
    ]);
    socket.destroy();
    if (!isEnded) return "the connection stays open though its caller has ended it";
    if (door === "grpc") return undefined;
    const answers = answersIn(received.bytes());
    if (answers === undefined) return `no HTTP: ${received.bytes().toString("latin1", 0, 200)}`;
    return answers.map(faultOfHttp).find((fault) => fault !== undefined);
  };
}

/** One connection for many calls, made anew when the service has ended it. */
export class Http2Caller implements Disposable {
  readonly #address: string;
  readonly #from: string;
  #session: ClientHttp2Session | undefined;

  constructor(address: string, from: string) {
    this.#address = address;
    this.#from = from;
  }

  get session(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.destroyed || this.#session.closed) {
      const { host, port } = placeOf(this.#address);
      const socket = connect({ host, port, localAddress: this.#from });
      this.#session = connectHttp2(`http://${this.#address}`, { createConnection: () => socket });
      this.#session.on("error", () => undefined);
      this.#session.setMaxListeners(0);
    }
    return this.#session;
  }

  readonly call: Send<GrpcRequest> = async ({ path, headers, data, ending }) => {
    const { session } = this;
    const stream = session.request({ ...start(path), ...headers });
    let last: Readonly<Record<string, unknown>> = {};
    const note = (seen: Readonly<Record<string, unknown>>): void => {
      last = { ...last, ...seen };
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", () => undefined);
    stream.resume();
    // What Node says last of a stream may never come: see {@link reset}.
    const closed = new Promise<true>((resolve) => {
      for (const event of ["trailers", "end", "close"]) stream.once(event, () => resolve(true));
    });
    for (const bytes of data) stream.write(bytes);
    if (ending === "reset") return await reset([stream]);
    stream.end();
    const mayStayOpen = streaming.test(path);
    const isEnded = await Promise.race([
      closed,
      delay(mayStayOpen ? openMs : answerMsMax, false, { ref: false }),
    ]);
    await reset([stream]);
    if (!isEnded && !mayStayOpen) return "no answer";
    const status = last["grpc-status"];
    if (status === undefined) return undefined;
    return faultOfGrpc(String(status), decodeURIComponent(String(last["grpc-message"] ?? "")));
  };

  readonly burst: Send<ResetBurst> = async ({ path, streams, data }) => {
    const { session } = this;
    const opened = Array.from({ length: streams }, () => {
      const stream = session.request(start(path));
      stream.on("error", () => undefined);
      stream.write(data);
      return stream;
    });
    return await reset(opened);
  };

  [Symbol.dispose](): void {
    this.#session?.destroy();
  }
}

/** Node may never say of a stream that was reset while it was written to that it has closed. */
async function reset(streams: readonly ClientHttp2Stream[]): Promise<undefined> {
  for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
  await nextTurn();
  for (const stream of streams) stream.destroy();
}

function start(path: string): Readonly<Record<string, string>> {
  return { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
}

function placeOf(address: string): { readonly host: string; readonly port: number } {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { host, port: Number(port) };
}

/** Resolves when it is connected, or has failed to: then it is destroyed. */
export async function open(address: string): Promise<Socket> {
  const socket = connect({ ...placeOf(address), localAddress, allowHalfOpen: true });
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
    socket.once("close", () => resolve());
  });
  return socket;
}

interface Received {
  readonly ended: Promise<unknown>;
  bytes(): Buffer;
}

function receive(socket: Socket): Received {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = socket.destroyed
    ? Promise.resolve()
    : new Promise<void>((resolve) => {
        socket.once("end", resolve);
        socket.once("close", () => resolve());
      });
  return { ended, bytes: () => Buffer.concat(chunks) };
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed || !socket.writable || socket.write(bytes)) return;
  await new Promise<void>((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
    socket.once("end", resolve);
  });
}
