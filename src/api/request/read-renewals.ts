import { isAscii } from "node:buffer";

import type { Duration } from "@bufbuild/protobuf/wkt";

import type {
  KeepAliveRequest,
  RenewRequest,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";

/** What one message and one renewal in it may have, in fields with all that is inside of them. */
interface FieldsMax {
  readonly inAll: number;
  readonly inItem: number;
  readonly items: number;
}

/** A message that was read, and how many fields it has with those of all messages in it. */
export interface ReadRenewals<Message> {
  readonly message: Message;
  readonly fields: number;
}

/**
 * Reads a KeepAliveRequest in binary straight into the values of its renewals, where it is as nearly
 * all are. Undefined for one that has anything out of the ordinary in it, or too much: others read
 * that, or say what is wrong with it.
 */
export function readKeepAlive(
  bytes: Uint8Array,
  max: FieldsMax,
): ReadRenewals<KeepAliveRequest> | undefined {
  return new Reader(bytes, max).keepAlive();
}

/** The same for a RenewRequest. */
export function readRenew(
  bytes: Uint8Array,
  max: FieldsMax,
): ReadRenewals<RenewRequest> | undefined {
  return new Reader(bytes, max).renew();
}

/** The tags of fields: a number and how its value is encoded. */
const renewals = 0x0a;
const sessionId = 0x0a;
const controllerToken = 0x12;
const ttl = 0x1a;
const leaseOnly = 0x20;
const seconds = 0x08;
const nanos = 0x10;

/** How many fields a renewal has, and a duration. */
const renewalFields = 4;
const durationFields = 2;

/** Longer numbers are not read here: up to this place they are exact. */
const placeMax = 2 ** 42;

class Reader {
  readonly #bytes: Buffer;
  readonly #max: FieldsMax;
  /** No text has to be decoded or looked at byte by byte. */
  readonly #isAscii: boolean;
  #at = 0;
  #fields = 0;
  #isUnusual = false;

  constructor(bytes: Uint8Array, max: FieldsMax) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#max = max;
    this.#isAscii = isAscii(bytes);
  }

  renew(): ReadRenewals<RenewRequest> | undefined {
    const message = this.#renewal(this.#bytes.length);
    const isFitting = !this.#isUnusual && this.#fields <= this.#max.inAll;
    return isFitting ? { message, fields: this.#fields } : undefined;
  }

  keepAlive(): ReadRenewals<KeepAliveRequest> | undefined {
    const read: RenewRequest[] = [];
    const { length } = this.#bytes;
    while (this.#at < length) {
      if (this.#tag() !== renewals || read.length >= this.#max.items) return undefined;
      const before = this.#fields;
      read.push(this.#renewal(this.#end(length)));
      const fields = this.#fields - before;
      if (this.#isUnusual || fields > this.#max.inItem || this.#fields > this.#max.inAll) {
        return undefined;
      }
    }
    const $typeName = "beach.controller.v1.KeepAliveRequest";
    return { message: { $typeName, renewals: read }, fields: this.#fields };
  }

  #renewal(end: number): RenewRequest {
    const renewal: Mutable<RenewRequest> = {
      $typeName: "beach.controller.v1.RenewRequest",
      sessionId: "",
      controllerToken: "",
      leaseOnly: false,
    };
    for (let fields = 1; this.#goesOn(end, fields, renewalFields); fields += 1) {
      switch (this.#tag()) {
        case sessionId:
          renewal.sessionId = this.#text(end);
          break;
        case controllerToken:
          renewal.controllerToken = this.#text(end);
          break;
        case ttl:
          // Two of them would be merged.
          if (renewal.ttl !== undefined) this.#isUnusual = true;
          renewal.ttl = this.#duration(this.#end(end));
          break;
        case leaseOnly:
          renewal.leaseOnly = this.#number(end, 1) === 1;
          break;
        default:
          this.#isUnusual = true;
      }
    }
    return renewal;
  }

  #duration(end: number): Duration {
    const duration: Mutable<Duration> = {
      $typeName: "google.protobuf.Duration",
      seconds: 0n,
      nanos: 0,
    };
    for (let fields = 1; this.#goesOn(end, fields, durationFields); fields += 1) {
      switch (this.#tag()) {
        case seconds:
          duration.seconds = BigInt(this.#number(end));
          break;
        case nanos:
          duration.nanos = this.#number(end, 0x7fffffff);
          break;
        default:
          this.#isUnusual = true;
      }
    }
    return duration;
  }

  /** Whether a message goes on with its next field; no usual one has a field twice. */
  #goesOn(end: number, fields: number, most: number): boolean {
    if (this.#at >= end) return false;
    if (fields > most) this.#isUnusual = true;
    return !this.#isUnusual;
  }

  /** Every tag of what is usual is one byte. */
  #tag(): number {
    this.#fields += 1;
    return this.#bytes[this.#at++] ?? 0;
  }

  /** The end of a value that begins with its length and lies within another that ends at `outer`. */
  #end(outer: number): number {
    const length = this.#number(outer);
    const end = this.#at + length;
    if (end <= outer) return end;
    this.#isUnusual = true;
    return this.#at;
  }

  #text(outer: number): string {
    const end = this.#end(outer);
    const start = this.#at;
    this.#at = end;
    if (!this.#isAscii && !isAsciiBetween(this.#bytes, start, end)) this.#isUnusual = true;
    return this.#bytes.toString("latin1", start, end);
  }

  #number(end: number, max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let place = 1; this.#at < end && place <= placeMax; place *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * place;
      if (byte < 0x80 && value <= max) return value;
      if (byte < 0x80) break;
    }
    this.#isUnusual = true;
    return 0;
  }
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

function isAsciiBetween(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at += 1) if ((bytes[at] ?? 0) >= 0x80) return false;
  return true;
}
