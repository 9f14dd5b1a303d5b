import { constants, type ServerHttp2Stream } from "node:http2";

import { Code } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";

import type { HeldBytes } from "../held-bytes.ts";

export type StreamingCall =
  | grpc.ServerWritableStream<unknown, Buffer>
  | grpc.ServerDuplexStream<unknown, Buffer>;

/** Writes a message; resolves when the next may be fetched, or when the reader has gone. */
export type Write = (bytes: Buffer) => Promise<void> | undefined;

/**
 * Writes at the pace at which HTTP/2 takes messages, one at a time. grpc-js would queue sixteen:
 * states that are old by the time they are read, where their source keeps only the newest.
 */
export function oneByOne(call: StreamingCall): Write {
  let settle: (() => void) | undefined;
  call.once("close", () => settle?.());
  return (bytes) =>
    new Promise((resolve) => {
      settle = resolve;
      if (hasGone(call)) resolve();
      else call.write(bytes, () => resolve());
    });
}

/**
 * Writes ahead as far as grpc-js queues: for answers, which all have to be sent anyway. What waits
 * is held against the caller.
 */
export function asQueued(call: StreamingCall, held: HeldBytes): Write {
  return (bytes) => {
    held.take(bytes.length);
    const isTaken = call.write(bytes, () => held.giveBack(bytes.length));
    return isTaken ? undefined : drained(call);
  };
}

export function hasGone(call: StreamingCall): boolean {
  return call.cancelled || call.destroyed;
}

/** Resolves when the reader has caught up, or has gone: then no drain ever comes. */
function drained(call: StreamingCall): Promise<void> {
  if (hasGone(call)) return Promise.resolve();
  return new Promise((resolve) => {
    const ends = ["drain", "cancelled", "close"];
    const settle = (): void => {
      for (const end of ends) call.removeListener(end, settle);
      resolve();
    };
    for (const end of ends) call.once(end, settle);
  });
}

/**
 * Resets the stream of a call, whatever waits to be sent. A status would wait behind it, also the
 * one that grpc-js itself sends when a deadline passes. Clients read this code as UNAVAILABLE.
 */
export function resetStream(call: object): void {
  http2Stream(call)?.close(constants.NGHTTP2_REFUSED_STREAM);
}

/** Whether grpc-js itself has ended the call because its deadline passed. */
export function isPastDeadline(call: object): boolean {
  const stream = http2Stream(call);
  const status = stream?.sentTrailers?.["grpc-status"] ?? stream?.sentHeaders?.["grpc-status"];
  return Number(status) === Code.DeadlineExceeded;
}

/** What a call is carried by; grpc-js has no other way to it. */
export function http2Stream(call: object): ServerHttp2Stream | undefined {
  return (call as { readonly call?: { readonly stream?: ServerHttp2Stream } }).call?.stream;
}
