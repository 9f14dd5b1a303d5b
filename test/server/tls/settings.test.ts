import { copyFile, writeFile } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { StartFault } from "../../../src/settings/start-fault.ts";
import { hasOpenssl, openAuthority } from "../../support/network/certificates.ts";
import { type Env, type RunOptions, runService } from "../../support/process/run-service.ts";
import { manualClock } from "../../support/service/manual-clock.ts";

/** What a service says that does not start. */
async function faultOf(env: Env, options: RunOptions = {}): Promise<string> {
  try {
    await using _ = await runService({ env, ...options });
    return "it started";
  } catch (error) {
    if (error instanceof StartFault) return error.faults.join("\n");
    return (error as Error).message;
  }
}

const doors = [
  { cert: "LEASE_HTTP_TLS_CERT", key: "LEASE_HTTP_TLS_KEY" },
  { cert: "LEASE_GRPC_TLS_CERT", key: "LEASE_GRPC_TLS_KEY" },
] as const;

describe.each(doors)("$cert and $key", ({ cert, key }) => {
  test("half a pair is refused, and the other half is asked for", async () => {
    expect(await faultOf({ [cert]: "cert.pem" })).toContain(`${key} is missing`);
    expect(await faultOf({ [key]: "key.pem" })).toContain(`${cert} is missing`);
  });

  test("a file that cannot be read is refused by its path", async () => {
    const fault = await faultOf({ [cert]: "/nowhere/cert.pem", [key]: "/nowhere/key.pem" });
    expect(fault).toContain(`${cert} is "/nowhere/cert.pem": it cannot be read (ENOENT)`);
  });

  test.skipIf(!hasOpenssl)("files that do not fit or hold something else are refused", async () => {
    await using authority = await openAuthority();
    const one = authority.issue("IP:127.0.0.1");
    const other = authority.issue("IP:127.0.0.1");
    const fault = (certificate: string, ofKey: string): Promise<string> =>
      faultOf({ [cert]: certificate, [key]: ofKey });
    expect(await fault(one.certificate, other.key)).toContain(
      `${key} is "${other.key}": it is not the key of the certificate in ${cert}`,
    );
    expect(await fault(one.key, one.key)).toContain(`${cert} is "${one.key}": it holds no cert`);
    expect(await fault(one.certificate, one.certificate)).toContain(
      `${key} is "${one.certificate}": it holds no private key`,
    );
    const broken = `${one.certificate}.broken`;
    await writeFile(broken, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    expect(await fault(broken, one.key)).toContain("holds no certificate that can be read");
    const unreadable = `${one.key}.copy`;
    await copyFile(one.key, unreadable);
    expect(await fault(one.certificate, unreadable)).toBe("it started");
  });

  test.skipIf(!hasOpenssl)("a certificate that has ended, or not begun, is refused", async () => {
    await using authority = await openAuthority(2);
    const { certificate, key: ofKey } = authority.issue("IP:127.0.0.1");
    const day = 86_400_000;
    const at = (wall: number): Promise<string> =>
      faultOf({ [cert]: certificate, [key]: ofKey }, { clock: manualClock(wall) });
    expect(await at(Date.now() + 3 * day)).toMatch(/it holds a certificate that ended at .*: have/);
    expect(await at(Date.now() - day)).toMatch(/it holds a certificate that begins at .*: set/);
  });
});

test("an authority for callers needs a certificate of the door", async () => {
  const fault = await faultOf({ LEASE_GRPC_TLS_CLIENT_CA: "authority.pem" });
  expect(fault).toContain(
    "LEASE_GRPC_TLS_CLIENT_CA needs LEASE_GRPC_TLS_CERT and LEASE_GRPC_TLS_KEY beside it",
  );
});

test.skipIf(!hasOpenssl)("an authority that cannot be read is refused", async () => {
  await using authority = await openAuthority();
  const { certificate, key } = authority.issue("IP:127.0.0.1");
  const env = { LEASE_GRPC_TLS_CERT: certificate, LEASE_GRPC_TLS_KEY: key };
  const fault = await faultOf({ ...env, LEASE_GRPC_TLS_CLIENT_CA: key });
  expect(fault).toContain(`LEASE_GRPC_TLS_CLIENT_CA is "${key}": it holds no certificate`);
});

test("LEASE_AUTH=dev binds to loopback with TLS too", async () => {
  const env = {
    LEASE_HTTP_LISTEN: "0.0.0.0:0",
    LEASE_HTTP_TLS_CERT: "cert.pem",
    LEASE_HTTP_TLS_KEY: "key.pem",
  };
  expect(await faultOf(env)).toContain('LEASE_HTTP_LISTEN is "0.0.0.0:0", but LEASE_AUTH=dev');
});
