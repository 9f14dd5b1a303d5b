import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import { expect, test, vi } from "vitest";

import { hasOpenssl, issueCertificate } from "../../support/network/certificates.ts";
import { jwtMode } from "../../support/process/jwt-mode.ts";
import { type Env, spawnService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";

const summarize = "/beach.controller.v1.FastPathRegistry/SummarizeFleet";

/** The status that a person's call has, where the keys are at a server over TLS. */
async function statusWith(more: Env, keysUrl: string): Promise<number> {
  await using jwt = await jwtMode();
  const { LEASE_AUTH_JWKS_FILE: path = "", ...env } = jwt.env;
  keySet = readFileSync(path);
  await using service = await spawnService({ ...env, ...more, LEASE_AUTH_JWKS_URL: keysUrl });
  await vi.waitFor(() => {
    expect(service.stdout.join("\n")).toMatch(/"msg":"key set (not )?loaded"/);
  }, patient);
  const answer = await fetch(service.httpUrl(summarize), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await jwt.person()}`,
    },
    body: "{}",
  });
  return answer.status;
}

let keySet: Buffer;

test.skipIf(!hasOpenssl)(
  "a key server over TLS is trusted by NODE_EXTRA_CA_CERTS, and not without",
  async () => {
    await using issued = await issueCertificate("IP:127.0.0.1");
    const cert = readFileSync(issued.certificate);
    const server = createServer({ cert, key: readFileSync(issued.key) }, (_request, response) =>
      response.end(keySet),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    try {
      expect(await statusWith({ NODE_EXTRA_CA_CERTS: issued.authority }, url)).toBe(200);
      expect(await statusWith({}, url)).toBe(503);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  },
);
