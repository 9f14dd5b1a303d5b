import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeRoad, startFakeRoad } from "../../src/demo/road/fake-road.ts";
import { writeKeys } from "../../src/keys/write-keys.ts";
import { refusalOf } from "../api/expect-refusal.ts";
import { oldClient } from "../legacy/old-client.ts";
import { jwtMode } from "../support/process/jwt-mode.ts";
import { type RunningService, runService } from "../support/process/run-service.ts";

const sessionId = "s1";
const passcode = "passcode-nobody-may-read";
const asked = { sessionId, privateBeachId: "beach-1", passcode, reason: "tile" };

let road: FakeRoad;
let service: RunningService;

beforeEach(async () => {
  road = await startFakeRoad();
  road.register(sessionId, passcode);
  service = await runService({ env: { LEASE_ROAD_URL: road.url } });
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
  await road[Symbol.asyncDispose]();
});

async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  return (await refusalOf(call)).reason;
}

describe("a passcode", () => {
  test("opens a session if Road says so, and otherwise does not", async () => {
    expect(await reasonOf(service.lease.acquire({ ...asked, passcode: "wrong" }))).toBe(
      "PASSCODE_WRONG",
    );
    const { controllerToken } = await service.lease.acquire(asked);
    expect(controllerToken).not.toBe("");
  });

  test("is not wrong because Road is away: the caller is told to try again", async () => {
    await road.stop();
    expect(await reasonOf(service.lease.acquire(asked))).toBe("ROAD_UNAVAILABLE");
    const call = oldClient(service);
    const body = { passcode, requester_private_beach_id: "beach-1" };
    const { status, retryAfter } = await call("POST", "/sessions/s1/controller-handshake", body);
    expect({ status, retryAfter }).toEqual({ status: 503, retryAfter: "5" });
    await road.start();
  });

  test("is judged once, and never on a renewal: an outage of Road ends no lease", async () => {
    const call = oldClient(service);
    const body = { passcode, requester_private_beach_id: "beach-1" };
    const first = await call("POST", "/sessions/s1/controller-handshake", body);
    expect(road.calls["verify-code"]).toBe(1);
    await road.stop();
    for (let renewal = 0; renewal < 3; renewal += 1) {
      const { status } = await call("POST", "/sessions/s1/controller-handshake", body);
      expect(status).toBe(200);
    }
    const { controller_token: controllerToken } = first.body as { controller_token: string };
    await service.lease.renew({ sessionId, controllerToken });
    expect(road.calls["verify-code"]).toBe(1);
    await road.start();
  });

  test("may be wrong ten times a minute", async () => {
    for (let wrong = 0; wrong < 10; wrong += 1) {
      expect(await reasonOf(service.lease.acquire({ ...asked, passcode: "no" }))).toBe(
        "PASSCODE_WRONG",
      );
    }
    expect(await reasonOf(service.lease.acquire(asked))).toBe("TOO_MANY");
    expect(road.calls["verify-code"]).toBe(10);
  });
});

test("a viewer renews by acquiring again, without Road and without its passcode", async () => {
  await using jwt = await jwtMode();
  await using strict = await runService({ env: { ...jwt.env, LEASE_ROAD_URL: road.url } });
  const scope = "pb:sessions.read";
  const headers = { authorization: `Bearer ${await jwt.person({ scope })}` };
  const stranger = { authorization: `Bearer ${await jwt.person({ scope, account_id: "other" })}` };
  const first = await strict.lease.acquire(asked, { headers });
  expect(road.calls["verify-code"]).toBe(1);
  await road.stop();
  const again = await strict.lease.acquire({ sessionId, reason: asked.reason }, { headers });
  expect(again.controllerToken).toBe(first.controllerToken);
  expect(await reasonOf(strict.lease.acquire(asked, { headers: stranger }))).toBe(
    "ROAD_UNAVAILABLE",
  );
  const named = { sessionId, controllerToken: first.controllerToken };
  expect(await reasonOf(strict.lease.renew(named, { headers }))).toBe("SCOPE_MISSING");
  await road.start();
});

test("without Road, no passcode opens anything to callers with bearers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "keys-"));
  const asking = { beach: "beach-1", session: sessionId, account: "a", scopes: "*" };
  await writeKeys({ folder, ...asking, lifeSeconds: 60 });
  const lines = (await readFile(join(folder, "env"), "utf8")).split("\n");
  const pairs = lines.flatMap((line) => {
    const [, name = "", value = ""] = /^(\w+)='?(.*?)'?$/.exec(line) ?? [];
    return name === "" ? [] : [[name, value] as const];
  });
  const headers = { authorization: `Bearer ${await readFile(join(folder, "person.jwt"), "utf8")}` };
  await using strict = await runService({ env: Object.fromEntries(pairs) });
  const call = strict.lease.acquire(asked, { headers });
  expect(await reasonOf(call)).toBe("SESSION_UNKNOWN");
  expect(strict.log.map(({ msg }) => msg).join("\n")).toContain("no passcode opens a session");
  await rm(folder, { recursive: true });
});

test("nothing that is secret is in the log or the metrics, whatever Road does", async () => {
  const { controllerToken } = await service.lease.acquire(asked);
  await road.enqueued(sessionId, 1);
  road.behave({ status: 500 });
  await service.registry.attachSession({ sessionId: "s2", privateBeachId: "beach-1" });
  await service.lease.acquire({ ...asked, sessionId: "s2" });
  await road.stop();
  await service.lease.acquire({ ...asked, sessionId: "s3" }).catch(() => undefined);
  const printed = JSON.stringify(service.log);
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  expect(road.bodies.join("")).toContain(passcode);
  for (const secret of [passcode, controllerToken]) {
    expect(printed).not.toContain(secret);
    expect(metrics).not.toContain(secret);
  }
  await road.start();
});
