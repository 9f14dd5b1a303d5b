import type { Attack } from "../../attack.ts";
import { pause, untilOver } from "../../tools/at-once.ts";
import { pathOf } from "../../tools/messages.ts";
import { RawSocket } from "../../tools/raw-socket.ts";

const path = pathOf("renew");
const head = `POST ${path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n`;
const call = `${head}content-length: 2\r\n\r\n{}`;

export const pipelinedCalls: Attack = {
  name: "pipelined-calls",
  sends: "calls behind one another on 20 connections of HTTP/1.1, whose answers nobody reads",
  right: "no more is read of a connection whose answers nobody reads",
  form: "full",
  needs: { outcome: "sent", times: 5_000 },
  async run({ addresses, outcomes, signal }) {
    const burst = call.repeat(500);
    await untilOver(20, signal, async () => {
      using connection = await RawSocket.open(addresses.http, { outcomes, signal });
      connection.socket.pause();
      while (connection.isOpen && !signal.aborted) {
        await connection.send(burst);
        outcomes.see("sent", 500);
      }
    });
  },
};

export const pipelinedCallsRead: Attack = {
  name: "pipelined-calls-read",
  sends: "the same, with the answers read",
  right: "others have their turn between them",
  form: "full",
  async run({ addresses, outcomes, signal }) {
    const burst = call.repeat(500);
    await untilOver(20, signal, async () => {
      using connection = await RawSocket.open(addresses.http, { outcomes, signal });
      connection.onStatus((status) => outcomes.see(`${status}`));
      while (connection.isOpen && !signal.aborted) {
        await connection.send(burst);
        await pause(20, signal);
      }
    });
  },
};

/** A body in chunks, each of which is written as the function says. */
function chunkedBody(name: string, sends: string, chunk: string, form: Attack["form"]): Attack {
  return {
    name,
    sends,
    right: "bounded as any body is, in bytes and in time",
    form,
    needs: { outcome: "kB", times: 2_000 },
    async run({ addresses, outcomes, signal }) {
      const burst = chunk.repeat(Math.ceil(60_000 / chunk.length));
      await untilOver(20, signal, async () => {
        using connection = await RawSocket.open(addresses.http, { outcomes, signal });
        connection.onStatus((status) => outcomes.see(`${status}`));
        await connection.send(`${head}transfer-encoding: chunked\r\n\r\n`);
        while (connection.isOpen && !signal.aborted) {
          await connection.send(burst);
          outcomes.see("kB", burst.length / 1000);
        }
      });
    },
  };
}

export const tinyChunks: Attack = chunkedBody(
  "tiny-chunks",
  "bodies in chunks of one byte each, without end, on 20 connections of HTTP/1.1",
  "1\r\n \r\n",
  "short",
);

export const chunkExtensions: Attack = chunkedBody(
  "chunk-extensions",
  "chunks of one byte with 10 kB of extensions each, without end, on 20 connections",
  `1;${"x".repeat(10_000)}\r\n \r\n`,
  "long",
);

export const hugeBodies: Attack = {
  name: "huge-bodies",
  sends: "bodies that say to be of 8 GB, with and without Expect: 100-continue, on 20 connections",
  right: "refused with 413 before they are read, or at the latest once they are too long",
  form: "full",
  refusedAs: ["413", "400"],
  async run({ addresses, outcomes, signal }) {
    const zeros = Buffer.alloc(65_536);
    await untilOver(20, signal, async (index) => {
      using connection = await RawSocket.open(addresses.http, { outcomes, signal });
      let isRefused = false;
      connection.onStatus((status) => {
        outcomes.see(`${status}`);
        isRefused ||= status >= 400;
      });
      const route = index % 2 === 0 ? path : "/sessions/s/controller-handshake";
      const expects = index % 4 < 2 ? "expect: 100-continue\r\n" : "";
      await connection.send(
        `POST ${route} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n${expects}` +
          "content-length: 8000000000\r\n\r\n",
      );
      for (let sent = 0; sent < 100 && connection.isOpen && !signal.aborted; sent += 1) {
        await connection.send(zeros);
      }
      if (isRefused) await pause(50, signal);
    });
  },
};

export const headerFloods: Attack = {
  name: "http-headers",
  sends: "requests with 15 kB of headers, with 20 kB, and with headers that never end, 50 at once",
  right: "refused with 431 in our own words, and closed",
  form: "full",
  refusedAs: ["431"],
  async run({ addresses, outcomes, signal }) {
    await untilOver(50, signal, async (index) => {
      using connection = await RawSocket.open(addresses.http, { outcomes, signal });
      connection.onStatus((status) => outcomes.see(`${status}`));
      const fields = `x-${index}: ${"v".repeat(100)}\r\n`.repeat(index % 2 === 0 ? 140 : 200);
      await connection.send(
        `${head}${fields}${index % 3 === 0 ? "" : "content-length: 2\r\n\r\n{}"}`,
      );
      await Promise.race([pause(200, signal), connection.closed]);
    });
  },
};

export const trailerFloods: Attack = {
  name: "http-trailers",
  sends: "chunked bodies that end in trailers without end, on 20 connections",
  right: "refused as headers that are too long are",
  form: "full",
  async run({ addresses, outcomes, signal }) {
    await untilOver(20, signal, async () => {
      using connection = await RawSocket.open(addresses.http, { outcomes, signal });
      connection.onStatus((status) => outcomes.see(`${status}`));
      await connection.send(`${head}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n`);
      const trailers = "x-t: v\r\n".repeat(5_000);
      for (let sent = 0; sent < 50 && connection.isOpen && !signal.aborted; sent += 1) {
        await connection.send(trailers);
      }
    });
  },
};
