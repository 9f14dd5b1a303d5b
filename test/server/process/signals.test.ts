import { writeFile } from "node:fs/promises";

import { expect, test, vi } from "vitest";

import { jwtMode } from "../../support/process/jwt-mode.ts";
import { spawnService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";

test.each(["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE"] as const)(
  "%s changes nothing",
  async (signal) => {
    await using service = await spawnService();
    process.kill(service.pid, signal);
    process.kill(service.pid, signal);
    if (signal !== "SIGPIPE") {
      const said = signal === "SIGHUP" ? "no setting names a file" : `"signal":"${signal}"`;
      await vi.waitFor(() => {
        const lines = service.stdout.filter((line) => line.includes(said));
        expect(lines.length).toBeGreaterThan(0);
      }, patient);
    }
    expect((await fetch(service.opsUrl("/readyz"))).status).toBe(200);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(service.stderr).toEqual([]);
  },
);

test("SIGQUIT drains, and a SIGHUP on the way changes nothing", async () => {
  await using service = await spawnService();
  process.kill(service.pid, "SIGQUIT");
  process.kill(service.pid, "SIGHUP");
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(JSON.parse(service.stdout.at(-1) ?? "")).toMatchObject({ msg: "drained" });
});

test("what Node or a dependency prints is a line of the log", async () => {
  const print =
    "process.once('SIGUSR2', () => { console.error('printed %d', 1); process.emitWarning('odd', 'OddWarning'); })";
  await using service = await spawnService({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(print)}`,
  });
  process.kill(service.pid, "SIGUSR2");
  await vi.waitFor(() => {
    const lines = service.stdout.map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({ level: "warn", msg: "printed by a dependency", text: "printed 1" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: "warn",
        msg: "warning of the process",
        err: expect.objectContaining({ name: "OddWarning", message: "odd" }),
      }),
    );
  }, patient);
  await service.stop();
  expect(service.stderr).toEqual([]);
});

test("SIGHUP has files read anew; one that cannot be used changes nothing", async () => {
  await using jwt = await jwtMode();
  await using service = await spawnService(jwt.env);
  const read = async (msg: string): Promise<void> => {
    process.kill(service.pid, "SIGHUP");
    await vi.waitFor(() => {
      const lines = service.stdout.map((line) => JSON.parse(line));
      const settings = ["LEASE_AUTH_JWKS_FILE"];
      expect(lines).toContainEqual(expect.objectContaining({ msg, settings }));
    }, patient);
  };
  await read("files read anew");
  await writeFile(jwt.env.LEASE_AUTH_JWKS_FILE ?? "", "{}");
  await read("files not read anew: what was read before stays in use");
  const answer = await fetch(
    service.httpUrl("/beach.controller.v1.FastPathRegistry/SummarizeFleet"),
    {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await jwt.person()}`,
      },
      body: "{}",
    },
  );
  expect(answer.status).toBe(200);
});
