import type { Readable } from "node:stream";

import { fromBinary, fromJsonString } from "@bufbuild/protobuf";

import {
  type WatchTransportResponse,
  WatchTransportResponseSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";

/** How a reader reads: as it comes, two kilobytes a second, or not at all. */
export type Habit = "fast" | "slow" | "stalled";

const slowEveryMs = 250;
const slowBytes = 512;

/** How messages are written. */
export interface Format {
  /** Also the last part of the content type. */
  readonly name: "proto" | "json";
  readonly isState: (bytes: Buffer) => boolean;
  readonly read: (bytes: Buffer) => WatchTransportResponse;
  /** How many states the message says to have merged. */
  readonly mergedInto: (bytes: Buffer) => number;
}

/** Field 1, with its length in front: a message that begins like this shows a state. */
const stateTag = 0x0a;

export const proto: Format = {
  name: "proto",
  isState: (bytes) => bytes[0] === stateTag,
  read: (bytes) => fromBinary(WatchTransportResponseSchema, bytes),
  mergedInto,
};

const readJson = (bytes: Buffer): WatchTransportResponse =>
  fromJsonString(WatchTransportResponseSchema, bytes.toString());

export const json: Format = {
  name: "json",
  isState: (bytes) => bytes.toString("latin1", 0, 8) === '{"state"',
  read: readJson,
  mergedInto: (bytes) => readJson(bytes).coalesced,
};

/** Reads one stream of messages, with a prefix of five bytes each, and keeps the last state. */
export class RawReader {
  /** States received so far. */
  states = 0;
  received = 0;
  /** The most states that the server said to have merged into one. */
  mostMerged = 0;
  readonly #stream: Readable;
  readonly #format: Format;
  readonly #pacer: NodeJS.Timeout | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #last: Buffer = Buffer.alloc(0);
  #check: () => void = () => undefined;

  constructor(stream: Readable, habit: Habit, format: Format) {
    this.#stream = stream;
    this.#format = format;
    if (habit === "fast") this.readOn();
    if (habit === "slow") {
      this.#pacer = setInterval(() => this.#take(stream.read(slowBytes)), slowEveryMs);
    }
  }

  /** Reads all that comes, from now on. */
  readOn(): void {
    clearInterval(this.#pacer);
    this.#stream.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  stop(): void {
    clearInterval(this.#pacer);
  }

  /** The message with the last state. */
  get last(): WatchTransportResponse {
    return this.#format.read(this.#last);
  }

  /** Resolves once the reader is as `isThere` wants it. */
  until(isThere: (reader: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => {
        if (!isThere(this)) return;
        this.#check = () => undefined;
        resolve();
      };
      this.#check();
    });
  }

  #take(chunk: Buffer | null): void {
    if (chunk === null) return;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1);
      this.received += 1;
      const message = bytes.subarray(5, end);
      if (this.#format.isState(message)) {
        this.states += 1;
        this.#last = message;
        this.mostMerged = Math.max(this.mostMerged, this.#format.mergedInto(message));
      }
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    this.#check();
  }
}

/** The count stands behind the state, which would take too long to read for every message. */
function mergedInto(message: Buffer): number {
  const low = message.readUInt8(1);
  const isShort = low < 0x80;
  const end = isShort ? 2 + low : 3 + ((low & 0x7f) | (message.readUInt8(2) << 7));
  const rest = message.subarray(end);
  return rest.length === 0 ? 0 : fromBinary(WatchTransportResponseSchema, rest).coalesced;
}
