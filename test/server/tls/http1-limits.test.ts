import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

import { afterEach, describe, expect, test, vi } from "vitest";

import type { BudgetLimits } from "../../../src/budget/budgets.ts";
import { hasOpenssl } from "../../support/network/certificates.ts";
import { patient } from "../../support/runs/patient.ts";
import { runSecure, type SecureService } from "./secure-service.ts";

const renew = "/sessions/s1/controller-handshake/renew";

describe.skipIf(!hasOpenssl)(
  "over HTTP/1.1 with TLS a connection has the limits of one in clear",
  () => {
    let service: SecureService;
    afterEach(() => service[Symbol.asyncDispose]());

    async function run(budgets: BudgetLimits = {}): Promise<void> {
      service = await runSecure({ budgets });
    }

    /** Sends bytes, and resolves with what came until the connection ended. */
    async function send(...parts: readonly string[]): Promise<{ text: string; error: string }> {
      const { hostname: host, port } = new URL(service.httpUrl(""));
      const socket: TLSSocket = connect({ host, port: Number(port) });
      let text = "";
      let error = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
      });
      socket.on("error", (fault: NodeJS.ErrnoException) => {
        error = fault.code ?? fault.message;
      });
      for (const part of parts) socket.write(part);
      await new Promise<void>((resolve) => socket.once("close", resolve));
      return { text, error };
    }

    test("a request has to arrive in time, and its headers are bounded", async () => {
      await run({ request_ms: 240 });
      const slow = await send(`POST ${renew} HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nab`);
      expect(slow.text).toMatch(/^HTTP\/1\.1 408 /);
      const long = await send(`GET / HTTP/1.1\r\nhost: h\r\nx-long: ${"v".repeat(17_000)}\r\n\r\n`);
      expect(long.text).toMatch(/^HTTP\/1\.1 431 /);
    });

    test("a body in too many small chunks resets it", async () => {
      await run();
      const head = `POST ${renew} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n`;
      const { text, error } = await send(head, "1\r\n \r\n".repeat(1_100));
      expect(text).toBe("");
      expect(error).toMatch(/ECONNRESET|EPIPE/);
      expect(await service.figure("refusals_total", "small_chunks")).toBe(1);
    });

    test("calls behind one another are answered in turn", async () => {
      await run();
      const last = "GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
      const { text } = await send("GET /none HTTP/1.1\r\nhost: h\r\n\r\n".repeat(200) + last);
      expect(text.match(/HTTP\/1\.1 404 /g)).toHaveLength(201);
    });

    test("what is no TLS, or chooses no protocol of ours, is closed", async () => {
      await run();
      const { hostname: host, port } = new URL(service.httpUrl(""));
      await expect(fetch(`http://${host}:${port}/`)).rejects.toThrow();
      const odd = connect({ host, port: Number(port), ALPNProtocols: ["h3"] });
      const [error] = await once(odd, "error");
      expect(error.message).toMatch(/no application protocol/i);
      await vi.waitFor(() => expect(odd.destroyed).toBe(true), patient);
    });
  },
);
