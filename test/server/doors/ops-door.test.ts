import { expect, test } from "vitest";

import { runService } from "../../support/process/run-service.ts";

test("the operators' door says that the process lives and is ready", async () => {
  await using service = await runService({ store: "sqlite" });
  for (const [path, status] of [
    ["/healthz", "alive"],
    ["/readyz", "ready"],
  ] as const) {
    const answer = await fetch(service.opsUrl(path));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status });
  }
});

test("metrics count events, renewals, calls and the fleet, without ids", async () => {
  await using service = await runService();
  const named = { sessionId: "session-of-interest", privateBeachId: "beach-of-interest" };
  const { controllerToken } = await service.lease.acquire({ ...named, passcode: "1" });
  const { sessionId } = named;
  await service.lease.renew({ sessionId, controllerToken, leaseOnly: true });
  await service.lease.renew({ sessionId: "unknown", controllerToken }).catch(() => undefined);

  const answer = await fetch(service.opsUrl("/metrics"));
  expect(answer.headers.get("content-type")).toContain("text/plain");
  const text = await answer.text();
  for (const line of [
    'lease_session_events_total{event="LeaseGranted"} 1',
    'lease_renewals_total{command="Renew",outcome="refresh",joined="false"} 1',
    'lease_refusals_total{command="Renew",reason="SESSION_UNKNOWN"} 1',
    'lease_calls_total{door="internal",method="Renew",code="OK"} 1',
    'lease_calls_total{door="internal",method="Renew",code="NotFound"} 1',
    'lease_sessions{path="pending"} 1',
    "lease_live_leases 1",
    "lease_negotiations_in_flight 1",
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  expect(text).not.toMatch(/of-interest/);
});

test("a scrape does not count what was counted before again", async () => {
  await using service = await runService();
  await service.registry.attachSession({ sessionId: "s1", privateBeachId: "b" });
  const scrape = async (): Promise<string> => (await fetch(service.opsUrl("/metrics"))).text();
  await scrape();
  expect(await scrape()).toContain('lease_session_events_total{event="SessionAttached"} 1\n');
});

test("a page in a browser cannot drain the service", async () => {
  await using service = await runService();
  const answer = await fetch(service.opsUrl("/drain"), {
    method: "POST",
    headers: { origin: "http://localhost:5173" },
  });
  expect(answer.status).toBe(403);
  expect((await fetch(service.opsUrl("/readyz"))).status).toBe(200);
});

test("an unknown route is not found, in JSON", async () => {
  await using service = await runService();
  const answer = await fetch(service.opsUrl("/drain"));
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ error: "not_found" });
});
