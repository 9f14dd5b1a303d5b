import { brotliCompressSync, gzipSync } from "node:zlib";

import { RenewRequestSchema } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { holdOn, untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { flags, frame, frames, grpcHead, RawHttp2 } from "../../tools/raw-http2.ts";

export const zipBombStreams: Attack = {
  name: "zip-bomb-streams",
  sends: "400 KeepAlive streams with 15 messages of 4 kB each that unpack to 4 MiB of zeros",
  right:
    "refused without unpacking more than a message may be, and what is unpacked at once is bounded",
  form: "short",
  refusedAs: ["FIELD_INVALID", "TOO_MANY", "grpc 8"],
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    const message = enveloped(gzipSync(Buffer.alloc(4 * 1_048_576)), 1);
    for (let index = 0; index < 400 && !signal.aborted; index += 1) {
      const stream = caller.open(pathOf("keepAlive"), { "grpc-encoding": "gzip" });
      stream.resume();
      for (let sent = 0; sent < 15; sent += 1) stream.write(message);
    }
    await holdOn(signal);
  },
};

export const zipBombsHttp: Attack = {
  name: "zip-bombs-http",
  sends:
    "100 kB of gzip or brotli that unpack to 100 MB and more, in each protocol over HTTP/1.1, 16 at once",
  right: "refused as soon as more has come out than a message may be",
  form: "full",
  refusedAs: ["FIELD_INVALID", "TOO_MANY"],
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 16);
    const zeros = Buffer.alloc(100_000_000);
    const packed = { gzip: gzipSync(zeros), br: brotliCompressSync(zeros) } as const;
    const calls = (["gzip", "br"] as const).flatMap((encoding) => [
      {
        path: pathOf("renew"),
        headers: { "content-type": "application/json", "content-encoding": encoding },
        body: packed[encoding],
      },
      {
        path: pathOf("renew"),
        headers: { "content-type": "application/grpc-web+proto", "grpc-encoding": encoding },
        body: enveloped(packed[encoding], 1),
      },
      {
        path: pathOf("watchTransport"),
        headers: {
          "content-type": "application/connect+proto",
          "connect-content-encoding": encoding,
        },
        body: enveloped(packed[encoding], 1),
      },
    ]);
    await untilOver(16, signal, (index) =>
      caller.call(calls[index % calls.length] ?? { path: "" }),
    );
  },
};

export const packedCalls: Attack = {
  name: "packed-calls",
  sends: "calls with a small message in gzip, 100 in each write, on 20 connections",
  right: "what is small is unpacked at once, and nothing is unpacked for a caller that has left",
  form: "full",
  async run({ addresses, outcomes, signal }) {
    const request = { sessionId: "unknown", controllerToken: "t" };
    const message = enveloped(gzipSync(bytesOf(RenewRequestSchema, request)), 1);
    const head = grpcHead(pathOf("renew"), ["grpc-encoding", "gzip"]);
    await untilOver(20, signal, async () => {
      using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
      const call = (): Buffer => {
        const stream = connection.nextStream();
        return Buffer.concat([
          frame(frames.headers, flags.endHeaders, stream, head),
          frame(frames.data, flags.endStream, stream, message),
        ]);
      };
      while (connection.isOpen && !signal.aborted) {
        await connection.send(Buffer.concat(Array.from({ length: 100 }, call)));
        outcomes.see("sent", 100);
      }
    });
  },
};
