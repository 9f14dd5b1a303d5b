import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { startApp } from "../../../src/app.ts";
import { type Settings, toSettings } from "../../../src/settings/settings.ts";
import { settingsTable } from "../../../src/settings/settings-table.ts";
import {
  runService,
  runToExit,
  spawnService,
  startProcess,
} from "../../support/process/run-service.ts";
import { advanceByTries, manualClock } from "../../support/service/manual-clock.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "controller-lease-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function settingsOf(env: Readonly<Record<string, string>>): Settings {
  const result = toSettings(env);
  return result.kind === "settings" ? result.settings : expect.fail(result.faults.join("\n"));
}

test("the ready line names the addresses that were bound", async () => {
  await using service = await spawnService();
  const line = service.stdout.find((text) => text.includes('"ready"')) ?? "";
  expect(JSON.parse(line)).toMatchObject({
    msg: "ready",
    grpc: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
    http: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
    ops: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
  });
  expect((await fetch(service.opsUrl("/readyz"))).status).toBe(200);
});

test("every line of standard output is JSON, also at level error", async () => {
  await using service = await spawnService({ LEASE_LOG_LEVEL: "error" });
  await service.stop();
  expect(service.stdout.map((line) => JSON.parse(line).msg)).toEqual(["ready"]);
});

test("the first start creates store and key, and the second uses them", async () => {
  const path = join(folder, "made", "lease.db");
  const env = { LEASE_STORE_URL: `sqlite:${path}` };
  const asked = { sessionId: "s1", privateBeachId: "b", passcode: "1" };
  let token = "";
  {
    await using service = await spawnService(env);
    token = (await service.lease.acquire(asked)).controllerToken;
    await service.stop("SIGKILL");
  }
  expect((await stat(`${path}.key`)).mode & 0o777).toBe(0o600);
  await using service = await spawnService(env);
  const again = await service.lease.acquire(asked);
  expect(again.controllerToken).toBe(token);
  expect(again.joined).toBe(true);
});

test("all bad settings are named on standard error, and the exit code is 78", async () => {
  const { code, stdout, stderr } = await runToExit({
    LEASE_GRPC_LISTEN: "0.0.0.0:0",
    LEASE_STORE_URL: "memory:",
    LEASE_TTL_MS: "soon",
    LEASE_STOER_URL: "memory:",
  });
  expect(code).toBe(78);
  expect(stdout).toBe("");
  expect(stderr.split("\n")).toEqual([
    expect.stringMatching(/LEASE_STOER_URL.*did you mean LEASE_STORE_URL\?/),
    expect.stringMatching(/LEASE_TTL_MS.*milliseconds/),
    expect.stringMatching(/LEASE_GRPC_LISTEN.*loopback/),
  ]);
});

test("a port in use is one line with the setting and the remedy", async () => {
  await using service = await runService();
  for (const env of [
    { LEASE_GRPC_LISTEN: service.addresses.grpc },
    { LEASE_HTTP_LISTEN: service.addresses.http },
  ]) {
    const { code, stderr } = await runToExit({ LEASE_STORE_URL: "memory:", ...env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^controller-lease: LEASE_(GRPC|HTTP)_LISTEN is .* in use, stop .*$/);
  }
});

test("a store that cannot be opened is one line with the path and the remedy", async () => {
  const { code, stderr } = await runToExit({ LEASE_STORE_URL: `sqlite:${folder}` });
  expect(code).toBe(1);
  expect(stderr.split("\n")).toHaveLength(1);
  expect(stderr).toContain(folder);
  expect(stderr).toContain("LEASE_STORE_URL");
});

test("a token key file that cannot be used is one line with the path and the remedies", async () => {
  const path = join(folder, "lease.db");
  await writeFile(`${path}.key`, "not a key");
  const { code, stderr } = await runToExit({ LEASE_STORE_URL: `sqlite:${path}` });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^controller-lease: .*lease\.db\.key.*restore it.*set LEASE_TOKEN_KEY$/);
});

test("a second service on the same file waits for the first, then names the remedy", async () => {
  await using first = await runService({ store: "sqlite" });
  const second = runService({ store: { path: first.storePath }, lockWaitMs: 200 });
  await expect(second).rejects.toThrow(
    /another process holds it; stop that process, or choose another file/,
  );
});

test("a second service on the same file logs that it waits, and for how long", async () => {
  await using first = await runService({ store: "sqlite" });
  const clock = manualClock();
  const log: string[] = [];
  const settings = settingsOf({ LEASE_STORE_URL: `sqlite:${first.storePath}` });
  const second = startApp(settings, { clock, logTo: { write: (line) => void log.push(line) } });
  let isOver = false;
  const refused = expect(second)
    .rejects.toThrow(/another process holds it/)
    .finally(() => {
      isOver = true;
    });
  await advanceByTries(clock, clock.now() + 15_000, () => isOver);
  await refused;
  expect(log.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      level: "info",
      msg: "another process holds the store; waiting for it",
      path: first.storePath,
      wait_ms_max: 14_000,
    }),
  ]);
});

test.each(["SIGTERM", "SIGINT"] as const)("%s ends a service that still waits", async (signal) => {
  await using first = await runService({ store: "sqlite" });
  const second = startProcess({ LEASE_STORE_URL: `sqlite:${first.storePath}` });
  await vi.waitFor(() => expect(second.stdout.join()).toContain("another process holds"), {
    timeout: 30_000,
  });
  expect(await second.stop(signal)).toEqual({ code: 0, signal: null });
  expect(second.stderr).toEqual([]);
});

test("a second service on the same file takes over from one that drains", async () => {
  await using first = await runService({ store: "sqlite" });
  const second = runService({ store: { path: first.storePath } });
  await first.drain();
  await using service = await second;
  expect((await fetch(service.opsUrl("/readyz"))).status).toBe(200);
});

test("an uncaught bug is logged, and the process ends with 70", async () => {
  const bug = "process.on('SIGUSR2', () => { throw new Error('planted') })";
  await using service = await spawnService({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(bug)}`,
  });
  expect(await service.stop("SIGUSR2")).toEqual({ code: 70, signal: null });
  expect(JSON.parse(service.stdout.at(-1) ?? "")).toMatchObject({
    level: "fatal",
    err: { message: "planted" },
  });
});

describe("a rejection that nobody handles", () => {
  const preload = new URL("planted-rejection.ts", import.meta.url).href;

  test("is logged and counted when the store is away, and the process goes on", async () => {
    await using service = await spawnService({}, { preload });
    process.kill(service.pid, "SIGUSR2");
    const counted = 'lease_failures_total{where="unhandled rejection"} 1\n';
    await expect
      .poll(async () => (await fetch(service.opsUrl("/metrics"))).text(), { timeout: 20_000 })
      .toContain(counted);
    await expect
      .poll(() => service.stdout.map((line) => JSON.parse(line)), { timeout: 20_000 })
      .toContainEqual(expect.objectContaining({ level: "error", where: "unhandled rejection" }));
    expect(await service.stop()).toEqual({ code: 0, signal: null });
  });

  test("is a bug otherwise: it is logged, and the process ends with 70", async () => {
    await using service = await spawnService({}, { preload });
    expect(await service.stop("SIGWINCH")).toEqual({ code: 70, signal: null });
    expect(JSON.parse(service.stdout.at(-1) ?? "")).toMatchObject({
      level: "fatal",
      err: { message: "planted bug" },
    });
  });
});

test.each([
  ["bogus", "Unexpected argument 'bogus'"],
  ["--bogus", "Unknown option '--bogus'"],
  ["--version=2", "Option '--version' does not take an argument"],
])("%s on the command line is refused with a hint, and the exit code is 64", async (arg, what) => {
  expect(await runToExit({}, { args: [arg] })).toMatchObject({
    code: 64,
    stdout: "",
    stderr: `controller-lease: ${what}: npm start -- --help lists the options`,
  });
});

test("--help lists every setting, and --version is the package's", async () => {
  const help = await runToExit({}, { args: ["--help"] });
  expect(help.code).toBe(0);
  for (const { name } of settingsTable) expect(help.stdout).toContain(name);
  expect(await runToExit({}, { args: ["--version"] })).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/),
  });
});
