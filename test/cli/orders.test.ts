import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { holdFastPath, holdSession } from "../support/callers/held-session.ts";
import { runService, spawnService } from "../support/process/run-service.ts";
import { hasTerminals, spawnOnTerminal } from "../support/process/terminal.ts";
import { cliMain, runCli, startCli } from "./run-cli.ts";

describe("renegotiate", () => {
  test("starts a negotiation, joins it the second time, and leaves the path as it is", async () => {
    await using service = await runService();
    const held = await holdFastPath(service, "s1");
    const { generation } = await held.transport();
    const args = ["renegotiate", "s1", "--yes", "--address", service.addresses.grpc];
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stderr]).toEqual([0, ""]);
    const { negotiation, ...transport } = await held.transport();
    const [started, relay] = stdout.split("\n");
    expect(started).toBe(`s1: started a negotiation, handshake ${negotiation?.handshakeId}`);
    expect(relay).toContain("send it manager_handshake");
    expect(transport.generation).toBe(generation);
    const again = await runCli([...args, "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      session: "s1",
      outcome: "renegotiate",
      joined: true,
      handshake: negotiation?.handshakeId,
      delivered_by_server: false,
      transport: { path: "fast_path", generation: Number(generation) },
    });
  });

  test("of a session that is not known ends with 66", async () => {
    await using service = await runService();
    const args = ["renegotiate", "nobody", "--yes", "--address", service.addresses.grpc];
    expect(await runCli(args)).toEqual({
      code: 66,
      stdout: "",
      stderr:
        'controller-lease: the session nobody is not known: "controller-lease sessions" lists those that are\n',
    });
  });
});

describe("revoke", () => {
  test("ends all leases, and holds new ones back for as long as it says", async () => {
    await using service = await runService();
    const held = await holdSession(service, "s1");
    const args = ["revoke", "s1", "--yes", "--address", service.addresses.grpc];
    const { code, stdout } = await runCli([...args, "--hold", "10m", "--reason", "abuse"]);
    expect([code, stdout]).toEqual([0, "s1: ended 1 lease. New ones are blocked for 600 s.\n"]);
    await expect(held.renew()).rejects.toMatchObject({ code: Code.FailedPrecondition });
    const acquire = { sessionId: "s1", reason: "tile" };
    await expect(service.lease.acquire(acquire)).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
    const lifted = await runCli([...args, "--hold", "0", "--json"]);
    expect(JSON.parse(lifted.stdout)).toEqual({
      session: "s1",
      revoked: 0,
      unknown: 0,
      session_held: false,
    });
    expect((await service.lease.acquire(acquire)).lease?.sessionId).toBe("s1");
  });

  test("ends the leases that are named, and says which are not known", async () => {
    await using service = await runService();
    await holdSession(service, "s1");
    const other = await service.lease.acquire({ sessionId: "s1", reason: "other" });
    const named = ["--lease", other.lease?.leaseId ?? "", "--lease", "no-such-lease"];
    const args = ["revoke", "--session", "s1", "-y", "--address", service.addresses.grpc];
    const { stdout } = await runCli([...args, ...named]);
    expect(stdout).toContain("s1: ended 1 lease; 1 of the named ones are not known there.");
    const { sessions } = await service.registry.listSessions({});
    expect(sessions[0]?.leases.map(({ reason }) => reason)).toEqual(["tile"]);
  });

  test("asks nobody where there is no terminal, and does nothing", async () => {
    await using service = await runService();
    const held = await holdSession(service, "s1");
    // It ends once it has its answer, not once it would have given up waiting for it.
    const args = ["revoke", "s1", "--address", service.addresses.grpc, "--timeout", "10m"];
    const { ended } = startCli(args);
    const { code, stderr } = await ended;
    expect(code).toBe(64);
    expect(stderr).toContain("there is no terminal to ask on: add --yes");
    expect((await held.renew()).lease?.sessionId).toBe("s1");
  });
});

test("drain ends the process, which exits with 0", async () => {
  await using service = await spawnService();
  const { ops } = service.addresses;
  const { code, stdout } = await runCli(["drain", "--yes", "--ops", ops, "--json"]);
  expect([code, JSON.parse(stdout)]).toEqual([0, { address: ops, status: "draining" }]);
  expect(await service.exited).toEqual({ code: 0, signal: null });
});

test("drain at another door says which one it wants", async () => {
  await using service = await runService();
  const { code, stderr } = await runCli(["drain", "--yes", "--ops", service.addresses.http]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/answered 404: --ops names the operators' door \(LEASE_OPS_LISTEN\)\n$/);
});

test.skipIf(!hasTerminals)(
  "on a terminal, revoke asks, and does nothing without a yes",
  async () => {
    await using service = await runService();
    const held = await holdFastPath(service, "s1");
    const command = `"${process.execPath}" "${cliMain}" revoke s1 --address ${service.addresses.grpc}`;
    for (const keys of ["\n", "\u0003"]) {
      expect(await answer(command, keys)).toBe(2);
      expect((await held.renew()).lease?.sessionId).toBe("s1");
    }
    expect(await answer(command, "y\n")).toBe(0);
    await expect(held.renew()).rejects.toMatchObject({ code: Code.FailedPrecondition });
  },
);

/** Presses keys once it asks; resolves with its exit code. */
async function answer(command: string, keys: string): Promise<unknown> {
  const child = spawnOnTerminal(command);
  let screen = "";
  child.stdout.on("data", (text) => {
    screen += text;
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  await expect.poll(() => screen, { timeout: 30_000 }).toContain("[y/N]");
  expect(screen).toContain("End all 1 live leases of s1? New ones are blocked for a minute.");
  child.stdin.write(keys);
  return await ended;
}
