import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { beach } from "../api/conformance/conformance-subject.ts";
import { hasProxy, type RunningProxy, startNginx } from "../support/network/proxies.ts";
import { type RunningService, runService } from "../support/process/run-service.ts";

const page = readFileSync(join(import.meta.dirname, "../../src/server/README.md"), "utf8");
const snippet = /```nginx\n(?<text>[^`]+)```/.exec(page)?.groups?.text ?? "";

/** Stands in for Beach Manager: says which calls it got, and stops the sessions it is asked to. */
interface OldManager extends AsyncDisposable {
  readonly address: string;
}

async function startOldManager({ registry }: RunningService): Promise<OldManager> {
  const server: Server = createServer(async ({ method, url = "" }, answer) => {
    const [, sessionId] = /^\/sessions\/([^/]+)\/emergency-stop$/.exec(url) ?? [];
    if (sessionId !== undefined) await registry.revokeLeases({ sessionId });
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify({ oldManager: `${method} ${url}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Moved extends AsyncDisposable {
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
}

/** Old clients know one base URL; behind it is nginx with the snippet of the page. */
async function move(): Promise<Moved> {
  const stack = new AsyncDisposableStack();
  const service = stack.use(await runService());
  const manager = stack.use(await startOldManager(service));
  const proxy: RunningProxy = stack.use(
    await startNginx(
      (listen) => `
        upstream controller_lease { server ${service.addresses.http}; }
        upstream beach_manager { server ${manager.address}; }
        server { listen ${listen}; ${snippet} }`,
    ),
  );
  return {
    async call(method, path, body) {
      const answer = await fetch(`http://${proxy.address}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: await answer.json() };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const ask = { passcode: "1234", requester_private_beach_id: beach };

describe.runIf(hasProxy("nginx"))("Behind nginx as the page on moving sets it up", () => {
  test("the five old routes are ours, with any id", async () => {
    await using it = await move();
    for (const id of ["s1", "a.b-c_d", "caf%C3%A9"]) {
      const handshake = `/sessions/${id}/controller-handshake`;
      const joined = await it.call("POST", handshake, ask);
      if (id.includes("%")) {
        expect(joined).toMatchObject({ status: 400, body: { error: "bad_request" } });
        continue;
      }
      const { controller_token } = joined.body as { controller_token: string };
      expect(joined).toMatchObject({ status: 200, body: { handshake_kind: "renegotiate" } });
      const token = { controller_token };
      expect(await it.call("POST", `${handshake}/renew`, token)).toMatchObject({
        status: 200,
        body: { ...token, handshake_kind: "refresh" },
      });
      const lease = `/sessions/${id}/controller/lease`;
      expect(await it.call("POST", lease, { reason: "surfer" })).toMatchObject({
        status: 200,
        body: { expires_at_ms: expect.any(Number) },
      });
      expect(await it.call("DELETE", `${lease}?controller_token=${controller_token}`)).toEqual({
        status: 200,
        body: { released: true },
      });
      expect(await it.call("DELETE", handshake, token)).toMatchObject({ status: 200 });
    }
  });

  test.each([
    ["GET", "/sessions/s1/controllers"],
    ["POST", "/sessions/s1/actions"],
    ["GET", "/sessions/s1/controller/leases"],
    ["POST", "/sessions/s1/controller-handshake/renewed"],
    ["GET", "/private-beaches/b1/sessions/s1/controller-handshake"],
    ["GET", "/"],
  ])("%s %s goes to Beach Manager", async (method, path) => {
    await using it = await move();
    expect(await it.call(method, path)).toEqual({
      status: 200,
      body: { oldManager: `${method} ${path}` },
    });
  });

  test("an emergency stop of Beach Manager that calls RevokeLeases ends leases here", async () => {
    await using it = await move();
    const handshake = "/sessions/s1/controller-handshake";
    const { body } = await it.call("POST", handshake, ask);
    expect(await it.call("POST", "/sessions/s1/emergency-stop")).toMatchObject({ status: 200 });
    expect(await it.call("POST", handshake, ask)).toMatchObject({
      status: 403,
      body: { error: "forbidden", message: expect.stringContaining("revoked") },
    });
    expect(await it.call("POST", `${handshake}/renew`, body)).toMatchObject({
      status: 409,
      body: { message: "controller mismatch" },
    });
  });
});
