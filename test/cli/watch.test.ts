import { expect, test } from "vitest";

import { holdFastPath, holdSession } from "../support/callers/held-session.ts";
import { runService, spawnService } from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { type RunningCli, startCli } from "./run-cli.ts";

const patience = { timeout: 30_000 };

interface Seen {
  readonly event: string;
  readonly session?: string;
  readonly path?: string;
  readonly status?: string;
  readonly version?: number;
}

function seenBy(watch: RunningCli): readonly Seen[] {
  return watch.stdout().map((line) => JSON.parse(line) as Seen);
}

function pathsSeenBy(watch: RunningCli): readonly (string | undefined)[] {
  return seenBy(watch)
    .filter(({ event }) => event === "state")
    .map(({ path }) => path);
}

test("watch prints a line for each change, and ends well on Ctrl-C", async () => {
  await using service = await runService();
  const held = await holdSession(service, "s1");
  const watch = startCli(["watch", "s1", "--session", "s2", "--address", service.addresses.grpc]);
  await expect.poll(watch.stderr, patience).toEqual(["connected: all there was has been shown"]);
  await held.report();
  await expect.poll(() => watch.stdout().at(-1), patience).toMatch(/ s1 +fast_path +healthy +/);
  watch.kill("SIGINT");
  const { code, stdout } = await watch.ended;
  expect(code).toBe(0);
  const [heads, ...lines] = stdout.split("\n");
  expect(heads).toMatch(/^CHANGED +SESSION +PATH +HEALTH +REASON +EVIDENCE +LEASES +NEGOTIATION$/);
  expect(lines.some((line) => / s1 +pending .* attempt 1, \S+, to confirm in /.test(line))).toBe(
    true,
  );
  expect(lines.some((line) => /^- +s2 +gone +- +unknown$/.test(line))).toBe(true);
});

test("watch --beach --json has an event a line, also of sessions that come later", async () => {
  await using service = await runService();
  const args = ["watch", "--beach", "beach-held", "--json", "--address", service.addresses.grpc];
  const watch = startCli(args);
  await expect
    .poll(() => seenBy(watch), patience)
    .toContainEqual({ event: "status", status: "synced" });
  await holdFastPath(service, "s1");
  await expect.poll(() => pathsSeenBy(watch).at(-1), patience).toBe("fast_path");
  await service.registry.detachSession({ sessionId: "s1", reason: "over" });
  const gone = { event: "gone", session: "s1", reason: "over" };
  await expect.poll(() => seenBy(watch).at(-1), patience).toEqual(gone);
  watch.kill("SIGTERM");
  expect(await watch.ended).toMatchObject({ code: 0, stderr: "" });
});

test("watch outlives a restart of the service, and is not told again what it knows", async () => {
  await using folder = await storeFolder();
  const env = { LEASE_STORE_URL: `sqlite:${folder.storePath}` };
  await using first = await spawnService(env);
  await first.registry.attachSession({ sessionId: "s1", privateBeachId: "b" });
  await first.registry.attachSession({ sessionId: "s2", privateBeachId: "b" });
  const address = first.addresses.grpc;
  const watch = startCli(["watch", "s1", "s2", "--json", "--address", address]);
  await expect.poll(() => seenBy(watch).at(-1)?.status, patience).toBe("synced");
  await first.stop("SIGKILL");
  await expect.poll(() => seenBy(watch).at(-1)?.status, patience).toBe("connecting");
  await using second = await spawnService({ ...env, LEASE_GRPC_LISTEN: address });
  await expect.poll(() => seenBy(watch).at(-1)?.status, patience).toBe("synced");
  await second.registry.detachSession({ sessionId: "s2", reason: "over" });
  await expect.poll(() => seenBy(watch).at(-1)?.event, patience).toBe("gone");
  watch.kill("SIGINT");
  const { code, stderr } = await watch.ended;
  expect(code).toBe(0);
  expect(stderr).toMatch(/^cannot reach .*; connecting again$/m);
  const states = seenBy(watch).filter(({ event }) => event === "state");
  expect(states.map(({ session }) => session)).toEqual(["s1", "s2"]);
});
