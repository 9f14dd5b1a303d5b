import type { Attack } from "../../attack.ts";
import { pause } from "../../tools/at-once.ts";
import { RawSocket } from "../../tools/raw-socket.ts";

/** What the parser of HTTP refuses by itself, by what it is. */
const unreadable: readonly (readonly [what: string, bytes: string])[] = [
  ["no HTTP", "BREW /coffee HTCPCP/1.0\r\n\r\n"],
  ["a header without a colon", "GET / HTTP/1.1\r\nhost h\r\n\r\n"],
  ["headers that are too long", `GET / HTTP/1.1\r\nhost: h\r\nx: ${"v".repeat(40_000)}\r\n\r\n`],
  ["two lengths", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"],
  ["a length that is none", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: x\r\n\r\n"],
  [
    "a chunk that is none",
    "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
  ],
  ["no host", "GET / HTTP/1.1\r\n\r\n"],
  ["a path that is no path", "GET http://[ HTTP/1.1\r\nhost: h\r\n\r\n"],
  ["bytes that are no text", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003"],
];

export const parserWords: Attack = {
  name: "parser-words",
  sends: "requests that the parser of HTTP itself refuses, on the public and the ops door",
  right: "refused in the words that all of our refusals have, error and message",
  form: "short",
  secondsMin: 10,
  refusedAs: ["400", "431"],
  async run({ addresses, outcomes, signal, wrong }) {
    for (const [door, address] of [
      ["public", addresses.http],
      ["ops", addresses.ops],
    ] as const) {
      for (const [what, bytes] of unreadable) {
        using connection = await RawSocket.open(address, { outcomes, signal });
        let answer = "";
        connection.socket.on("data", (chunk: Buffer) => {
          answer += chunk.toString("latin1");
        });
        await connection.send(Buffer.from(bytes, "latin1"));
        await Promise.race([connection.closed, pause(3_000, signal)]);
        const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "no answer";
        outcomes.see(status);
        const isOurs = /\r\n\r\n\{"error":"[a-z_]+","message":/.test(answer);
        if (!isOurs)
          wrong(`${what}, on the ${door} door: ${status} ${answer.split("\r\n\r\n")[1] ?? ""}`);
      }
    }
  },
};
