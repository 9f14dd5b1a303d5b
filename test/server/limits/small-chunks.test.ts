import { connect } from "node:net";

import { expect, test } from "vitest";

import { pathOf } from "../../hostile/tools/messages.ts";
import { runService } from "../../support/process/run-service.ts";

/** Sends a body of blanks in chunks of that size, and resolves with the status or the error. */
function sendChunks(address: string, path: string, chunks: number, bytes: number): Promise<string> {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  const chunk = `${bytes.toString(16)}\r\n${" ".repeat(bytes)}\r\n`;
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    socket.on("data", (answer) => {
      resolve(answer.toString("latin1").slice(9, 12));
      socket.destroy();
    });
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n` +
        `transfer-encoding: chunked\r\n\r\n${chunk.repeat(chunks)}0\r\n\r\n`,
    );
  });
}

test("a body in too many small chunks resets its connection, on every route over HTTP/1.1", async () => {
  await using service = await runService();
  const { http, ops } = service.addresses;
  const routes = [
    [http, pathOf("renew")],
    [http, "/sessions/s/controller-handshake"],
    [ops, "/backup"],
  ] as const;
  for (const [address, path] of routes) {
    expect(await sendChunks(address, path, 5_000, 1)).toBe("ECONNRESET");
    expect(await sendChunks(address, path, 1_000, 1)).toMatch(/^[24]\d\d$/);
  }
});

test("a body in as many chunks of a fair size is read", async () => {
  await using service = await runService();
  expect(await sendChunks(service.addresses.http, pathOf("renew"), 5_000, 64)).toBe("400");
});
