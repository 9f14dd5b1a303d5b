import { expect, test } from "vitest";

import { startFakeRoad } from "../../../src/demo/road/fake-road.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { jwtMode } from "../../support/process/jwt-mode.ts";
import { type SpawnedService, spawnService } from "../../support/process/run-service.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const passcode = "passcode-nobody-may-read";
const wrongToken = "controller-token-nobody-may-read";
const sessionId = "s-1";

interface Heard {
  readonly status: number;
  readonly text: string;
}

/** Calls the public door, and remembers what was refused: what is granted may hold a token. */
class Listener {
  readonly refusals: string[] = [];
  readonly #service: SpawnedService;

  constructor(service: SpawnedService) {
    this.#service = service;
  }

  async ask(path: string, init: RequestInit): Promise<Heard> {
    const answer = await fetch(this.#service.httpUrl(path), init);
    const text = await answer.text();
    if (answer.status >= 400) {
      this.refusals.push(text, JSON.stringify([...answer.headers]));
    }
    return { status: answer.status, text };
  }

  post(path: string, bearer: string | undefined, body: unknown): Promise<Heard> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (bearer !== undefined) headers.authorization = `Bearer ${bearer}`;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return this.ask(path, { method: "POST", headers, body: text });
  }
}

const lease = "/beach.controller.v1.ControllerLease";
const registry = "/beach.controller.v1.FastPathRegistry";
const old = `/sessions/${sessionId}/controller-handshake`;

/** Whatever may be said with a secret in it, where it belongs and where it does not. */
async function sayEverything(listener: Listener, bearer: string | undefined): Promise<void> {
  const token = { sessionId, controllerToken: wrongToken };
  for (const rpc of ["Renew", "Renegotiate", "Release"]) {
    await listener.post(`${lease}/${rpc}`, bearer, token);
  }
  await listener.post(`${lease}/Acquire`, bearer, { sessionId: "a/b", passcode, reason: "r" });
  await listener.post(`${lease}/Acquire`, bearer, { sessionId, passcode: { passcode } });
  await listener.post(`${lease}/Acquire`, bearer, `{"passcode":"${passcode}`);
  await listener.post(`${registry}/ReportTransport`, bearer, { reports: [{ [wrongToken]: 1 }] });
  await listener.post(`${registry}/CheckLease`, bearer, token);
  await listener.post(`${lease}/${wrongToken}`, bearer, {});
  await listener.post(old, bearer, { passcode: [passcode] });
  await listener.post(old, bearer, `{"passcode":"${passcode}`);
  await listener.post(`${old}/renew`, bearer, { controller_token: wrongToken });
  await listener.post(`/sessions/${sessionId}/${wrongToken}`, bearer, {});
  await listener.ask(`${old}?controller_token=${wrongToken}`, {
    method: "DELETE",
    headers: { ...(bearer && { authorization: `Bearer ${bearer}` }), cookie: wrongToken },
  });
}

async function sayOverGrpc(service: SpawnedService, bearer: string): Promise<readonly string[]> {
  const authorization = `Bearer ${bearer}`;
  using caller = new RawHttp2(service.addresses.grpc);
  const messages: string[] = [];
  const text = Buffer.concat([Buffer.of(0x12, wrongToken.length), Buffer.from(wrongToken)]);
  const calls: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    [`${lease}/Renew`, { authorization }],
    [`${registry}/CheckLease`, { authorization }],
    [`${lease}/${wrongToken}`, { authorization }],
    [`${lease}/Renew`, { authorization: `Bearer ${bearer}x`, "grpc-timeout": wrongToken }],
    [`${lease}/Renew`, { authorization: `Bearer ${bearer}x`, "grpc-encoding": wrongToken }],
  ];
  for (const [path, headers] of calls) {
    const stream = caller.open(path, headers);
    const ended = grpcEnd(stream);
    stream.end(enveloped(text));
    messages.push((await ended).message);
  }
  return messages;
}

test("no token, passcode, bearer or key is in anything that a full run printed or refused", async () => {
  await using jwt = await jwtMode();
  await using road = await startFakeRoad();
  road.register(sessionId, passcode);
  await using service = await spawnService({
    ...jwt.env,
    LEASE_ROAD_URL: road.url,
    LEASE_LOG_LEVEL: "trace",
  });
  const listener = new Listener(service);
  const person = await jwt.person({ sub: "person-1" });
  const viewer = await jwt.person({ scope: "pb:sessions.read" });
  const manager = await jwt.manager();
  const host = await jwt.host(sessionId);
  const ended = `${person.slice(0, -6)}aaaaaa`;
  const tokens: string[] = [];

  const byManager = { headers: { authorization: `Bearer ${manager}` } };
  await service.registry.attachSession({ sessionId, privateBeachId: "beach-1" }, byManager);
  for (const bearer of [person, viewer]) {
    const { status, text } = await listener.post(old, bearer, { passcode });
    expect(status).toBe(200);
    tokens.push((JSON.parse(text) as { controller_token: string }).controller_token);
  }
  const acquired = await listener.post(`${lease}/Acquire`, person, { sessionId, reason: "tab" });
  tokens.push((JSON.parse(acquired.text) as { controllerToken: string }).controllerToken);
  await service.lease.renew({ sessionId, controllerToken: tokens[0] ?? "" }, byManager);
  for (const bearer of [
    person,
    viewer,
    manager,
    host,
    ended,
    "bearer-nobody-may-read",
    undefined,
  ]) {
    await sayEverything(listener, bearer);
  }
  const messages = [
    ...(await sayOverGrpc(service, manager)),
    ...(await sayOverGrpc(service, host)),
  ];
  await service.registry.revokeLeases({ sessionId }, byManager);
  await listener.post(old, person, { passcode });
  await service.registry.detachSession({ sessionId }, byManager);
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  await service.stop();

  const printed = [
    ...service.stdout,
    ...service.stderr,
    metrics,
    ...listener.refusals,
    ...messages,
  ].join("\n");
  expect(printed).toContain("lease granted");
  expect(listener.refusals.length).toBeGreaterThan(50);
  const bearers = [person, viewer, manager, host, ended];
  const secrets = [
    ...[passcode, wrongToken, "bearer-nobody-may-read", ...tokens, ...jwt.secrets, ...bearers],
    // A part of a bearer is as bad: who has the two others needs no more.
    ...bearers.map((bearer) => bearer.split(".")[2] ?? ""),
  ];
  expect(secrets.filter((secret) => printed.includes(secret))).toEqual([]);
});
