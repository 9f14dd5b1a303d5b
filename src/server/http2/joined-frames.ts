import type { ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";

const joined: unique symbol = Symbol("frames that wait to be handed on together");

export interface Joinable extends ServerHttp2Stream {
  [joined]?: Joined | undefined;
}

interface Joined {
  bytes: Buffer;
  length: number;
}

const bytesAtFirst = 64;

/**
 * Hands a small frame on together with those that follow it in this turn: each by itself would be kept
 * with a hundred bytes around it, and with the whole read that it came in.
 */
export function join(stream: Joinable, frame: Buffer): true {
  let waiting = stream[joined];
  if (waiting === undefined) {
    waiting = { bytes: Buffer.allocUnsafe(bytesAtFirst), length: 0 };
    stream[joined] = waiting;
    setImmediate(passOn, stream);
  }
  const length = waiting.length + frame.length;
  if (length > waiting.bytes.length) {
    const larger = Buffer.allocUnsafe(2 * length);
    waiting.bytes.copy(larger, 0, 0, waiting.length);
    waiting.bytes = larger;
  }
  frame.copy(waiting.bytes, waiting.length);
  waiting.length = length;
  return true;
}

/** Hands on what waits, before anything that comes behind it. */
export function passOn(stream: Joinable): void {
  const waiting = stream[joined];
  if (waiting === undefined) return;
  stream[joined] = undefined;
  if (stream.destroyed || waiting.length === 0) return;
  Duplex.prototype.push.call(stream, waiting.bytes.subarray(0, waiting.length));
}
