import { WatchTransportRequestSchema } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { atOnce, holdOn, untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { Outcomes } from "../../tools/outcomes.ts";
import { flags, frame, frames, grpcHead, RawHttp2 } from "../../tools/raw-http2.ts";
import { acquire, attackedBeach, sessionNamed } from "../../tools/sessions.ts";

const path = pathOf("watchTransport");
const keeps = { outcome: "attached", bytesEach: 40_000 } as const;
const right = "a reader that takes nothing costs a bounded part of memory, and is given up";

/** Changes the beach's sessions for as long as the attack lasts. */
async function change(address: string, signal: AbortSignal, sessions: number): Promise<void> {
  using caller = await grpcCaller(address, new Outcomes());
  await untilOver(8, signal, (index) =>
    acquire(caller, sessionNamed(index % sessions), `reason-${Math.floor(index / sessions) % 60}`),
  );
}

export const unreadWatchesGrpc: Attack = {
  name: "unread-watches-grpc",
  sends:
    "50 connections with 100 watches of a beach of 100 sessions each, of which nothing is read",
  right,
  form: "full",
  attaches: 100,
  keeps,
  async run({ addresses, outcomes, signal }) {
    const request = { privateBeachId: attackedBeach };
    const message = enveloped(bytesOf(WatchTransportRequestSchema, request));
    await atOnce(10, 50, signal, async () => {
      const connection = await RawHttp2.open(addresses.grpc, { outcomes, signal }, false);
      for (let watch = 0; watch < 100; watch += 1) {
        const stream = connection.nextStream();
        const head = frame(frames.headers, flags.endHeaders, stream, grpcHead(path));
        const body = frame(frames.data, flags.endStream, stream, message);
        await connection.send(Buffer.concat([head, body]));
      }
      outcomes.see("opened", 100);
    });
    await change(addresses.grpc, signal, 100);
  },
};

export const unreadWatchesHttp: Attack = {
  name: "unread-watches-http",
  sends:
    "500 Connect watches of a beach of 100 sessions, of which nothing is read, while it changes",
  right,
  form: "long",
  attaches: 100,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 500);
    const request = { privateBeachId: attackedBeach };
    const body = enveloped(bytesOf(WatchTransportRequestSchema, request));
    const headers = { "content-type": "application/connect+proto" };
    await atOnce(50, 500, signal, () => caller.open({ path, headers, body }));
    await change(addresses.grpc, signal, 100);
  },
};

export const watchStorm: Attack = {
  name: "watch-storm",
  sends:
    "watches of a beach of 500 sessions, opened and left as soon as they have begun, 50 at once",
  right: "a snapshot is made in parts, and no more of it than is read",
  form: "long",
  attaches: 500,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 50);
    const request = { privateBeachId: attackedBeach };
    const body = enveloped(bytesOf(WatchTransportRequestSchema, request));
    const headers = { "content-type": "application/connect+proto" };
    await untilOver(50, signal, async () => {
      (await caller.open({ path, headers, body }))?.destroy();
    });
  },
};

export const halfOpen: Attack = {
  name: "half-open",
  sends: "500 connections to the gRPC door that send the preface and settings, and then nothing",
  right: "each costs little, and is closed once nothing answers on it",
  form: "full",
  async run({ addresses, outcomes, signal }) {
    await atOnce(50, 500, signal, async () => {
      const connection = await RawHttp2.open(addresses.grpc, { outcomes, signal }, false);
      if (connection.isOpen) outcomes.see("open");
    });
    await holdOn(signal);
  },
};
