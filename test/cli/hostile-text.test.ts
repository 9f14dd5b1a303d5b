import { createServer, type Http2Server } from "node:http2";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { harmless } from "../../src/cli/terminal/output.ts";
import {
  ControllerLease,
  type WatchTransportResponseSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { listenOnLoopback } from "../support/network/wire.ts";
import { runService } from "../support/process/run-service.ts";
import { runCli, startCli } from "./run-cli.ts";

/** Clears the screen, sets the title, turns text round, and forges a line of its own. */
const hostile =
  "s\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eevil\u2028\r\nforged  line\u0000\u200b";

/** What must not be there, beside the ends of lines. */
const harmful = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

type Said = MessageInitShape<typeof WatchTransportResponseSchema>;

/** A server that takes our service's place and means ill. */
async function serveHostile(): Promise<{ readonly address: string; readonly server: Http2Server }> {
  const transport = { sessionId: hostile, lastChangeReason: hostile, handshakeId: hostile };
  const lease = { leaseId: hostile, accountId: hostile, reason: hostile };
  const handler = connectNodeAdapter({
    routes({ service }) {
      service(FastPathRegistry, {
        listSessions: () => ({
          sessions: [{ sessionId: hostile, privateBeachId: hostile, transport, leases: [lease] }],
        }),
        revokeLeases: () => {
          throw new ConnectError(hostile, Code.Internal);
        },
      });
      service(ControllerLease, {
        async *watchTransport(): AsyncGenerator<Said> {
          yield { event: { case: "state", value: transport } };
          yield { event: { case: "gone", value: { sessionId: hostile, reason: hostile } } };
          yield { event: { case: "bookmark", value: {} } };
          throw new ConnectError(hostile, Code.PermissionDenied);
        },
      });
    },
  });
  const server = createServer(handler);
  return { address: `127.0.0.1:${await listenOnLoopback(server)}`, server };
}

const commands: readonly (readonly string[])[] = [
  ["sessions"],
  ["sessions", "--json"],
  ["watch", "s1"],
  ["watch", "s1", "--json"],
  ["revoke", "s1", "--yes"],
];

test("nothing that a server sends reaches the terminal as an order", async () => {
  const { address, server } = await serveHostile();
  for (const args of commands) {
    const { stdout, stderr } = await runCli([...args, "--address", address]);
    expect(`${stdout}${stderr}`).toContain("evil");
    expect(`${stdout}${stderr}`).not.toMatch(harmful);
    expect(`${stdout}${stderr}`.split("\n").filter((line) => line.startsWith("forged"))).toEqual(
      [],
    );
    if (!args.includes("--json")) continue;
    const [first = ""] = stdout.split("\n");
    expect(JSON.parse(first).session).toBe(hostile);
  }
  server.close();
});

test("a detach reason that turns text round is shown by its number", async () => {
  await using service = await runService();
  await service.registry.attachSession({ sessionId: "s1", privateBeachId: "b" });
  const watch = startCli(["watch", "s1", "--address", service.addresses.grpc]);
  await expect.poll(watch.stderr, { timeout: 30_000 }).toHaveLength(1);
  await service.registry.detachSession({ sessionId: "s1", reason: "all \u202efine" });
  await expect.poll(() => watch.stdout().at(-1), { timeout: 30_000 }).toMatch(/gone/);
  watch.kill("SIGINT");
  const { stdout } = await watch.ended;
  expect(stdout).toContain("all \\u202efine");
  expect(stdout).not.toMatch(harmful);
});

test("what an argument holds is harmless in a complaint", async () => {
  const { stderr } = await runCli(["\u001b[2Jsessions"]);
  expect(stderr).toContain('there is no command "\\u001b[2Jsessions"');
});

test("text as people write it stays as it is", () => {
  const text = "Grüße, 日本語 – “ok” 👍 a-b_c.d:e";
  expect(harmless(text)).toBe(text);
});
