import type { AttackContext } from "../attack.ts";
import { codeName } from "./grpc-caller.ts";
import type { Outcomes } from "./outcomes.ts";
import { RawSocket } from "./raw-socket.ts";

/** Frames by the number of their type, as RFC 9113 has them. */
export const frames = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** One HTTP/2 connection of which every frame is the attacker's own. */
export class RawHttp2 implements Disposable {
  readonly socket: RawSocket;
  readonly #outcomes: Outcomes;
  #unread: Buffer = Buffer.alloc(0);
  #lastStream = -1;

  private constructor(socket: RawSocket, outcomes: Outcomes) {
    this.socket = socket;
    this.#outcomes = outcomes;
  }

  /** @param reads whether what the service sends is read at all */
  static async open(
    address: string,
    context: Pick<AttackContext, "outcomes" | "signal">,
    reads = true,
  ): Promise<RawHttp2> {
    const socket = await RawSocket.open(address, context);
    const connection = new RawHttp2(socket, context.outcomes);
    if (reads) socket.socket.on("data", (chunk: Buffer) => connection.#read(chunk));
    else socket.socket.pause();
    await socket.send(preface);
    await connection.send(frame(frames.settings, 0, 0));
    return connection;
  }

  get isOpen(): boolean {
    return this.socket.isOpen;
  }

  /** The number of a new stream. */
  nextStream(): number {
    this.#lastStream += 2;
    return this.#lastStream;
  }

  send(bytes: Buffer): Promise<void> {
    return this.socket.send(bytes);
  }

  #read(chunk: Buffer): void {
    let bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      this.#take(bytes.readUInt8(3), bytes.readUInt8(4), bytes.subarray(9, end));
      bytes = bytes.subarray(end);
    }
    this.#unread = bytes;
  }

  #take(type: number, flag: number, payload: Buffer): void {
    if (type === frames.reset) this.#outcomes.see(`RST ${codeName(payload.readUInt32BE(0))}`);
    if (type === frames.goAway) this.#outcomes.see(`GOAWAY ${codeName(payload.readUInt32BE(4))}`);
    if (type === frames.headers) this.#outcomes.see("answered");
    if (type === frames.settings && (flag & flags.ack) === 0) {
      void this.send(frame(frames.settings, flags.ack, 0));
    }
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}

export function frame(
  type: number,
  flag: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The head of a gRPC call to a path, with whatever other fields. */
export function grpcHead(path: string, ...others: readonly HeaderField[]): Buffer {
  return headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...others,
  ]);
}

export type HeaderField = readonly [name: string, value: string];

/** Header fields as literals that no table keeps (RFC 7541 §6.2.2). */
export function headerBlock(fields: readonly HeaderField[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.of(0), hpackText(name), hpackText(value)]),
  );
}

/** A text without Huffman coding, behind its length. */
export function hpackText(text: string): Buffer {
  return Buffer.concat([hpackLength(text.length), Buffer.from(text, "latin1")]);
}

function hpackLength(length: number): Buffer {
  if (length < 127) return Buffer.of(length);
  const bytes = [127];
  let rest = length - 127;
  while (rest >= 128) {
    bytes.push((rest & 127) | 128);
    rest >>= 7;
  }
  return Buffer.of(...bytes, rest);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
