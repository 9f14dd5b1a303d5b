import { expect, test } from "vitest";

import { hasOpenssl } from "../../support/network/certificates.ts";
import { runService } from "../../support/process/run-service.ts";
import { runSecure } from "./secure-service.ts";

const policy =
  "default-src 'none';script-src 'self';style-src 'self';img-src 'self';font-src 'self';connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'";

test("everything from the public door says what a page of it may do", async () => {
  await using service = await runService();
  const rpc = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  for (const asked of [
    fetch(service.httpUrl("/")),
    fetch(service.httpUrl("/sessions/s1/controller-handshake"), { method: "POST" }),
    fetch(service.httpUrl("/beach.controller.v1.ControllerLease/Renew"), rpc),
  ]) {
    const { headers } = await asked;
    expect(headers.get("content-security-policy")).toBe(policy);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("strict-transport-security")).toBeNull();
  }
});

test("the operators' door says that nothing of it is a page", async () => {
  await using service = await runService();
  for (const path of ["/healthz", "/metrics", "/nowhere"]) {
    const { headers } = await fetch(service.opsUrl(path));
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; frame-ancestors 'none'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  }
});

test.skipIf(!hasOpenssl)("with TLS browsers are told to come back with it alone", async () => {
  await using service = await runSecure();
  const { headers } = await fetch(service.httpUrl("/"));
  expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
});
