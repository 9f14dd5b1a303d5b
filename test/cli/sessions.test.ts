import { expect, test } from "vitest";

import { holdFastPath } from "../support/callers/held-session.ts";
import { runService } from "../support/process/run-service.ts";
import { linesOf, runCli, startCli } from "./run-cli.ts";

test("sessions lists each session with its path, in columns", async () => {
  await using service = await runService();
  await holdFastPath(service, "s-fast");
  await service.registry.attachSession({ sessionId: "s-new", privateBeachId: "b2" });
  const { code, stdout, stderr } = await runCli(["sessions", "--address", service.addresses.grpc]);
  expect([code, stderr]).toEqual([0, ""]);
  const [heads = "", fast = "", fresh = "", ...others] = linesOf(stdout);
  expect(heads.split(/ {2,}/)).toEqual([
    "BEACH",
    "SESSION",
    "PATH",
    "HEALTH",
    "REASON",
    "EVIDENCE",
    "LEASES",
    "NEGOTIATION",
  ]);
  expect(fast.split(/ {2,}/)).toEqual([
    "beach-held",
    "s-fast",
    "fast_path",
    "healthy",
    "confirmed",
    expect.stringMatching(/^\d+ s$/),
    "1",
    "-",
  ]);
  expect(fresh).toMatch(/^b2 +s-new +pending +- /);
  expect(fresh.indexOf("s-new")).toBe(heads.indexOf("SESSION"));
  expect(others).toEqual([]);
});

test("--json prints an object a line, with the same fields for every session", async () => {
  await using service = await runService();
  const held = await holdFastPath(service, "s-fast");
  await service.registry.attachSession({ sessionId: "s-new", privateBeachId: "b2" });
  const { stdout } = await runCli(["sessions", "--json", "--address", service.addresses.grpc]);
  const [fast, fresh] = linesOf(stdout).map((line) => JSON.parse(line));
  expect(Object.keys(fresh)).toEqual(Object.keys(fast));
  const { handshakeId, generation } = await held.transport();
  expect(fast).toMatchObject({
    session: "s-fast",
    beach: "beach-held",
    path: "fast_path",
    health: "healthy",
    handshake: handshakeId,
    generation: Number(generation),
    negotiation: null,
    leases: [{ account: null, reason: "tile", expires_in_ms: expect.any(Number) }],
    ends: [
      { end: "manager", connection: "connected", ready_channels: expect.any(Array) },
      { end: "host", connection: "connected", ready_channels: expect.any(Array) },
    ],
  });
  expect(fresh).toMatchObject({ path: "pending", health: null, handshake: null, leases: [] });
  expect(stdout).not.toContain(held.token);
});

test("--beach, --path and --limit choose among all pages", async () => {
  await using service = await runService();
  await Promise.all(
    Array.from({ length: 1_100 }, (_, index) =>
      service.registry.attachSession({
        sessionId: `s-${String(index).padStart(4, "0")}`,
        privateBeachId: index % 2 === 0 ? "even" : "odd",
      }),
    ),
  );
  await holdFastPath(service, "s-9999");
  const idsOf = async (...args: readonly string[]): Promise<readonly string[]> => {
    const all = ["sessions", "--json", "--address", service.addresses.grpc, ...args];
    return linesOf((await runCli(all)).stdout).map((line) => JSON.parse(line).session);
  };
  expect(await idsOf()).toHaveLength(1_101);
  expect(await idsOf("--beach", "odd")).toHaveLength(550);
  expect(await idsOf("--path", "fast_path")).toEqual(["s-9999"]);
  expect(await idsOf("--path", "http_fallback")).toEqual([]);
  expect(await idsOf("--limit", "501", "--beach", "even")).toHaveLength(501);
  // A reader that has seen enough, as `head` has.
  const cut = startCli(["sessions", "--json", "--address", service.addresses.grpc]);
  await expect.poll(cut.stdout, { timeout: 30_000 }).not.toHaveLength(0);
  cut.leave();
  expect(await cut.ended).toMatchObject({ code: 0, stderr: "" });
});

test("a beach without sessions is said to have none, and is no failure", async () => {
  await using service = await runService();
  const args = ["sessions", "--address", service.addresses.grpc];
  expect(await runCli(args)).toEqual({ code: 0, stdout: "", stderr: "no sessions\n" });
  expect(await runCli([...args, "--json"])).toEqual({ code: 0, stdout: "", stderr: "" });
});
