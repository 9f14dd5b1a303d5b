import { expect, test } from "vitest";

import { type SpawnedService, spawnService } from "../../support/process/run-service.ts";

const inTime = { timeout: 10_000 };

async function put(service: SpawnedService, body: string): Promise<readonly [number, unknown]> {
  const answer = await fetch(service.opsUrl("/log-level"), { method: "PUT", body });
  return [answer.status, await answer.json()];
}

test("the log level is shown, and changes while the process serves", async () => {
  await using service = await spawnService({ LEASE_LOG_LEVEL: "warn" });
  const shown = await fetch(service.opsUrl("/log-level"));
  expect(await shown.json()).toEqual({ level: "warn" });

  const attach = (sessionId: string): Promise<unknown> =>
    service.registry.attachSession({ sessionId, privateBeachId: "beach-1" });
  await attach("before");
  expect(await put(service, '{"level":"debug"}')).toEqual([200, { level: "debug" }]);
  await attach("during");
  await expect.poll(() => service.stdout.join("\n"), inTime).toContain('"session":"during"');
  expect(await put(service, '{"level":"warn"}')).toEqual([200, { level: "warn" }]);
  await attach("after");
  expect(await put(service, '{"level":"info"}')).toEqual([200, { level: "info" }]);

  const changes = (): readonly unknown[] =>
    service.stdout
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === "log level changed")
      .map(({ from, to }) => `${from} to ${to}`);
  const all = ["warn to debug", "debug to warn", "warn to info"];
  await expect.poll(changes, inTime).toEqual(all);
  expect(service.stdout.join("\n")).not.toMatch(/"session":"(before|after)"/);
});

test("a level that there is not is refused, with those that there are", async () => {
  await using service = await spawnService({ LEASE_LOG_LEVEL: "warn" });
  const message =
    '"body" must be {"level": …}, with one of trace, debug, info, warn, error, fatal, silent';
  for (const body of [
    '{"level":"loud"}',
    '{"level":7}',
    '{"levels":"debug"}',
    "debug",
    "null",
    "",
  ]) {
    expect(await put(service, body)).toMatchObject([400, { error: "bad_request", message }]);
  }
  const shown = await fetch(service.opsUrl("/log-level"));
  expect(await shown.json()).toEqual({ level: "warn" });
});
