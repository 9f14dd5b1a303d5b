import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { readinessOf } from "../../../src/readiness.ts";
import { jwtMode } from "../../support/process/jwt-mode.ts";
import { runService } from "../../support/process/run-service.ts";
import { manualClock } from "../../support/service/manual-clock.ts";

const serving = {
  service: { reach: { parts: 16, away: 0 }, storeFaults: [] },
  keys: { isLoaded: true, fault: undefined },
  closing: new AbortController().signal,
};
const storeAway = { reach: { parts: 16, away: 16 }, storeFaults: [] };
const noKeys = { isLoaded: false, fault: "http://gate/keys answered 500" };

test("a process is ready without keys where it reads no bearers, and with part of its store", () => {
  expect(readinessOf({ ...serving, keys: undefined })).toEqual({ status: "ready" });
  const store = { parts: 16, away: 15 };
  const partly = { ...serving, service: { reach: store, storeFaults: ["mend this"] } };
  expect(readinessOf(partly)).toEqual({ status: "ready", store, warnings: ["mend this"] });
});

test("what keeps a process from serving is told apart, all of it at once", () => {
  const store = "the store cannot be reached";
  const keys = "no key set could be loaded yet: http://gate/keys answered 500";
  const drain = "the process drains, and ends";
  const closing = AbortSignal.abort();
  for (const [needs, not_ready] of [
    [{ ...serving, service: storeAway }, { store }],
    [{ ...serving, keys: noKeys }, { keys }],
    [{ ...serving, closing }, { drain }],
    [
      { service: storeAway, keys: noKeys, closing },
      { store, keys, drain },
    ],
  ] as const) {
    expect(readinessOf(needs)).toMatchObject({ status: "not ready", not_ready });
  }
});

test("a process that never had keys is not ready until it has them, and stays ready when they are away", async () => {
  await using jwt = await jwtMode();
  const { LEASE_AUTH_JWKS_FILE: path = "", ...env } = jwt.env;
  await using keys = await keyServer(path);
  const clock = manualClock(Date.now());
  const withKeys = { ...env, LEASE_AUTH_JWKS_URL: keys.url };
  await using service = await runService({ clock, env: withKeys });
  const ready = async (): Promise<readonly [number, unknown]> => {
    const answer = await fetch(service.opsUrl("/readyz"));
    return [answer.status, await answer.json()];
  };
  const why = `no key set could be loaded yet: ${keys.url} answered 500`;
  const shown = async (): Promise<string> => (await fetch(service.opsUrl("/metrics"))).text();
  expect(await ready()).toEqual([503, { status: "not ready", not_ready: { keys: why } }]);
  expect(await shown()).toContain('lease_not_ready{part="keys"} 1\n');
  for (const isThere of [true, false]) {
    const asked = keys.asked + 1;
    keys.isThere = isThere;
    await clock.advance(300_000);
    await expect.poll(() => keys.asked, { timeout: 10_000 }).toBeGreaterThanOrEqual(asked);
    await expect.poll(ready, { timeout: 10_000 }).toEqual([200, { status: "ready" }]);
  }
  expect(await shown()).toContain('lease_not_ready{part="keys"} 0\n');
});

interface KeyServer extends AsyncDisposable {
  readonly url: string;
  /** Answers with 500 while it is not. */
  isThere: boolean;
  /** How often it was asked. */
  asked: number;
}

async function keyServer(path: string): Promise<KeyServer> {
  const server = createServer((_request, response) => {
    keys.asked += 1;
    if (!keys.isThere) response.statusCode = 500;
    response.end(keys.isThere ? readFileSync(path) : "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const keys: KeyServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    isThere: false,
    asked: 0,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
  return keys;
}
