import { connect, type Socket } from "node:net";

import { flags, frame, frames, grpcHead } from "../../hostile/tools/raw-http2.ts";
import type { Caller, Calls } from "./calls.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const headBytes = 9;
const maxConcurrentStreams = 3;
/** What a connection may send before the server has told its window (RFC 9113, 6.9.2). */
const initialWindow = 65_535;
const windowMax = 2 ** 31 - 1;

interface Waiting {
  readonly body: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** A message came: a refusal has none. */
  isAnswered: boolean;
}

/**
 * Unary gRPC calls as frames of HTTP/2 that are made once, for about a quarter of what a call
 * costs a client of Node's. A client that is busier than the server would measure its own delays.
 */
export class RawCaller implements Caller {
  readonly #socket: Socket;
  readonly #head: Buffer;
  readonly #waiting: (Waiting | undefined)[] = [];
  readonly #unsent: Waiting[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #window = initialWindow;
  #streamsMax = 100;
  #open = 0;

  constructor({ url }: Calls) {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket = socket;
    this.#head = grpcHead(pathname);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed a connection")));
    const window = Buffer.alloc(4);
    window.writeUInt32BE(windowMax - initialWindow);
    socket.write(preface);
    socket.write(
      Buffer.concat([frame(frames.settings, 0, 0), frame(frames.windowUpdate, 0, 0, window)]),
    );
  }

  call(body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#unsent.push({ body, resolve, reject, isAnswered: false });
      this.#send();
    });
  }

  #send(): void {
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      if (this.#open >= this.#streamsMax || this.#window < next.body.length) return;
      this.#unsent.shift();
      this.#open += 1;
      this.#window -= next.body.length;
      this.#waiting.push(next);
      const stream = 2 * this.#waiting.length - 1;
      this.#write(frame(frames.headers, flags.endHeaders, stream, this.#head));
      this.#write(frame(frames.data, flags.endStream, stream, next.body));
    }
  }

  /** All of a turn is sent at once. */
  #write(bytes: Buffer): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(bytes);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let at = 0;
    while (at + headBytes <= bytes.length) {
      const end = at + headBytes + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#take(bytes.subarray(at, at + headBytes), bytes.subarray(at + headBytes, end));
      at = end;
    }
    this.#unread = bytes.subarray(at);
    this.#send();
  }

  #take(head: Buffer, payload: Buffer): void {
    const [type, flag] = [head.readUInt8(3), head.readUInt8(4)];
    const stream = head.readUInt32BE(5);
    switch (type) {
      case frames.settings:
        if ((flag & flags.ack) === 0) this.#agree(payload);
        break;
      case frames.ping:
        if ((flag & flags.ack) === 0) this.#write(frame(frames.ping, flags.ack, 0, payload));
        break;
      case frames.windowUpdate:
        if (stream === 0) this.#window += payload.readUInt32BE();
        break;
      case frames.data:
        this.#answer(stream, payload.length > 0, flag);
        break;
      case frames.headers:
        this.#answer(stream, false, flag);
        break;
      case frames.reset:
        this.#end(stream, "a call was reset");
    }
  }

  #agree(settings: Buffer): void {
    for (let at = 0; at < settings.length; at += 6) {
      const value = settings.readUInt32BE(at + 2);
      if (settings.readUInt16BE(at) === maxConcurrentStreams) this.#streamsMax = value;
    }
    this.#write(frame(frames.settings, flags.ack, 0));
  }

  #answer(stream: number, hasMessage: boolean, flag: number): void {
    const waiting = this.#waiting[(stream - 1) / 2];
    if (waiting === undefined) return;
    if (hasMessage) waiting.isAnswered = true;
    if ((flag & flags.endStream) !== 0) {
      this.#end(stream, waiting.isAnswered ? undefined : "a call was refused");
    }
  }

  #end(stream: number, fault: string | undefined): void {
    const index = (stream - 1) / 2;
    const waiting = this.#waiting[index];
    if (waiting === undefined) return;
    this.#waiting[index] = undefined;
    this.#open -= 1;
    if (fault === undefined) waiting.resolve();
    else waiting.reject(new Error(fault));
  }

  #fail(error: Error): void {
    for (const waiting of [...this.#waiting, ...this.#unsent]) waiting?.reject(error);
    this.#waiting.fill(undefined);
    this.#unsent.length = 0;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
