import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";

import type { Caller, Calls } from "./calls.ts";
import { RawCaller } from "./raw-caller.ts";

export function openCaller(calls: Calls): Caller {
  if (calls.contentType === "application/grpc") return new RawCaller(calls);
  return calls.protocol === "http/2" ? new Http2Caller(calls) : new Http1Caller(calls);
}

export class Http2Caller implements Caller {
  readonly #session: ClientHttp2Session;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #isGrpc: boolean;

  constructor({ url, contentType }: Calls) {
    const { origin, pathname } = new URL(url);
    this.#session = connect(origin);
    this.#session.on("error", () => undefined);
    this.#isGrpc = contentType === "application/grpc";
    const ofGrpc = this.#isGrpc ? { te: "trailers" } : {};
    this.#headers = {
      ":method": "POST",
      ":path": pathname,
      "content-type": contentType,
      ...ofGrpc,
    };
  }

  call(body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.open();
      let status = "";
      stream.on("response", (headers) => {
        status = this.#isGrpc ? String(headers["grpc-status"] ?? "") : String(headers[":status"]);
      });
      stream.on("trailers", (trailers) => {
        if (this.#isGrpc) status = String(trailers["grpc-status"]);
      });
      stream.on("end", () => {
        if (status === (this.#isGrpc ? "0" : "200")) resolve();
        else reject(new Error(`a call was answered with status ${status}`));
      });
      stream.on("error", reject);
      stream.resume();
      stream.end(body);
    });
  }

  /** The first message of the answer. */
  async callForMessage(body: Buffer): Promise<Uint8Array> {
    const stream = this.open();
    stream.end(body);
    const answer = Buffer.concat(await stream.toArray());
    return answer.subarray(5, 5 + answer.readUInt32BE(1));
  }

  open(): ClientHttp2Stream {
    return this.#session.request(this.#headers);
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

class Http1Caller implements Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, contentType }: Calls) {
    this.#url = url;
    this.#headers = { "content-type": contentType };
  }

  async call(body: Buffer): Promise<void> {
    const headers = { ...this.#headers, "content-length": body.length };
    const request = httpRequest(this.#url, { method: "POST", agent: this.#agent, headers });
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    await once(response, "end");
    if (response.statusCode !== 200) {
      throw new Error(`a call was answered with status ${response.statusCode}`);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Counts the messages of a stream as its bytes come. */
export class MessageCounter {
  /** The one that ended last. */
  last: Buffer = Buffer.alloc(0);
  #rest: Buffer = Buffer.alloc(0);

  /** How many messages end in these bytes. */
  add(chunk: Buffer): number {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let messages = 0;
    let at = 0;
    for (; bytes.length >= at + 5; messages += 1) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      if (bytes.length < end) break;
      this.last = bytes.subarray(at + 5, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return messages;
  }
}
