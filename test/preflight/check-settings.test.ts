import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { checkSettings } from "../../src/preflight/check-settings.ts";
import { hasOpenssl, issueCertificate } from "../support/network/certificates.ts";
import { listenOnLoopback } from "../support/network/wire.ts";
import { jwtMode } from "../support/process/jwt-mode.ts";
import {
  type Env,
  freePorts,
  runService,
  runToExit,
  spawnService,
} from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";

interface Ended {
  readonly code: number;
  readonly text: string;
}

/** Within this process, but with the code and the text that the command ends with. */
async function check(env: Env): Promise<Ended> {
  const checked = await checkSettings({ ...freePorts, LEASE_STORE_URL: "memory:", ...env });
  if (checked.kind === "sound") return { code: 0, text: checked.summary };
  return { code: 78, text: checked.faults.join("\n") };
}

async function faultsOf(env: Env): Promise<readonly string[]> {
  const { code, text } = await check(env);
  expect(code).toBe(78);
  return text.split("\n");
}

describe("settings that can be used", () => {
  test("are summed up, and nothing is made or opened for it", async () => {
    await using folder = await storeFolder();
    const path = join(folder.path, "made", "lease.db");
    const env = { LEASE_STORE_URL: `sqlite:${path}` };
    const { code, stdout, stderr } = await runToExit(env, { args: ["--check-settings"] });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toEqual([
      "The settings can be used. A start would have:",
      "  internal door    127.0.0.1:0, in clear",
      "  public door      127.0.0.1:0, in clear",
      "  operators' door  127.0.0.1:0",
      `  store            ${path}, a new file`,
      "  callers          everyone, with no bearer",
      "  token key        in a file beside the store's",
      "  log level        info",
      expect.stringMatching(/^Note: LEASE_AUTH=dev: /),
      expect.stringMatching(/^Note: LEASE_ROAD_URL is not set: /),
    ]);
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("leave a store's file as it is, and say what is in it", async () => {
    await using folder = await storeFolder();
    const env = { LEASE_STORE_URL: `sqlite:${folder.storePath}` };
    {
      await using service = await spawnService(env);
      for (const sessionId of ["s1", "s2"]) {
        await service.registry.attachSession({ sessionId, privateBeachId: "b" });
      }
      await service.stop();
    }
    const [before, names] = [await readFile(folder.storePath), await readdir(folder.path)];
    const { code, text } = await check(env);
    expect(code).toBe(0);
    expect(text).toContain(`${folder.storePath}, 2 sessions and tombstones`);
    expect((await readFile(folder.storePath)).equals(before)).toBe(true);
    expect(await readdir(folder.path)).toEqual(names);
  });

  test.skipIf(!hasOpenssl)("are summed up without a secret", async () => {
    await using mode = await jwtMode();
    await using certificate = await issueCertificate("IP:127.0.0.1");
    const { code, text } = await check({
      ...mode.env,
      LEASE_GRPC_TLS_CERT: certificate.certificate,
      LEASE_GRPC_TLS_KEY: certificate.key,
      LEASE_GRPC_TLS_CLIENT_CA: certificate.authority,
    });
    expect(code).toBe(0);
    expect(text).toMatch(/internal door {4}\S+, TLS until 20\S+, callers with a certificate only/);
    expect(text).toContain(`by 1 key from ${mode.env.LEASE_AUTH_JWKS_FILE}`);
    expect(text).toContain("in memory: a restart loses every session");
    for (const secret of mode.secrets) expect(text).not.toContain(secret);
  });

  test("may name a key server that is away: that is a note", async () => {
    await using mode = await jwtMode();
    const { LEASE_AUTH_JWKS_FILE: _, ...env } = mode.env;
    const away = createServer();
    const url = `http://127.0.0.1:${await listenOnLoopback(away)}/jwks.json`;
    away.close();
    const { code, text } = await check({ ...env, LEASE_AUTH_JWKS_URL: url });
    expect(code).toBe(0);
    expect(text).toMatch(
      /Note: LEASE_AUTH_JWKS_URL gives no keys now \(fetch failed: connect ECONNREFUSED 127\.0\.0\.1:\d+\)/,
    );
  });
});

describe("everything that is wrong is told at once:", () => {
  test("settings, files, the store and the addresses", async () => {
    await using folder = await storeFolder();
    const inTheWay = join(folder.path, "file");
    await writeFile(inTheWay, "");
    await using running = await runService();
    const faults = await faultsOf({
      LEASE_TTL: "5",
      LEASE_TTL_MS: "soon",
      LEASE_GRPC_LISTEN: running.addresses.grpc,
      LEASE_HTTP_LISTEN: "192.0.2.1:8090",
      LEASE_GRPC_TLS_CERT: "/nowhere/cert.pem",
      LEASE_GRPC_TLS_KEY: "/nowhere/key.pem",
      LEASE_HTTP_TLS_CERT: inTheWay,
      LEASE_HTTP_TLS_KEY: inTheWay,
      LEASE_STORE_URL: `sqlite:${inTheWay}/lease.db`,
      LEASE_AUTH: "jwt",
      LEASE_AUTH_ISSUER: "beach-gate",
      LEASE_AUTH_JWKS_FILE: inTheWay,
    });
    expect(faults).toEqual([
      expect.stringMatching(/^LEASE_TTL is not a setting.*did you mean LEASE_TTL_M/),
      expect.stringMatching(/^LEASE_AUTH_AUDIENCE is missing/),
      expect.stringMatching(/^LEASE_TTL_MS is "soon"/),
      expect.stringMatching(/^LEASE_TOKEN_KEY is missing/),
      expect.stringMatching(/^LEASE_GRPC_TLS_CERT is "\/nowhere\/cert.pem": it cannot be read/),
      expect.stringMatching(/^LEASE_GRPC_TLS_KEY is "\/nowhere\/key.pem": it cannot be read/),
      expect.stringMatching(/^LEASE_HTTP_TLS_CERT is ".*": it holds no certificate/),
      expect.stringMatching(/^LEASE_HTTP_TLS_KEY is ".*": it holds no private key/),
      expect.stringMatching(/^Cannot open the store.*a file is in the place of its folder/),
      expect.stringMatching(/^LEASE_AUTH_JWKS_FILE cannot be used: .* is not JSON; name a JSON/),
      expect.stringMatching(/^LEASE_GRPC_LISTEN is .*: it is in use, stop what listens there/),
      expect.stringMatching(/^LEASE_HTTP_LISTEN is .*: this machine has no such address/),
    ]);
  });

  test("a store that another process holds, and a key file that holds no key", async () => {
    await using folder = await storeFolder();
    await using _holder = await runService({ store: { path: folder.storePath } });
    const [fault, ...others] = await faultsOf({ LEASE_STORE_URL: `sqlite:${folder.storePath}` });
    expect(fault).toContain("another process holds it; stop that process");
    expect(others).toEqual([]);
    const path = join(folder.path, "other.db");
    await writeFile(`${path}.key`, "no key");
    await writeFile(path, "");
    expect(await faultsOf({ LEASE_STORE_URL: `sqlite:${path}` })).toEqual([
      expect.stringMatching(/other\.db\.key.*restore it.*, or set LEASE_TOKEN_KEY$/),
    ]);
  });

  test("a folder in which no store may be made", async () => {
    await using folder = await storeFolder();
    const path = join(folder.path, "closed");
    await mkdir(path, { mode: 0o555 });
    const { code, stderr } = await runToExit(
      { LEASE_STORE_URL: `sqlite:${path}/deep/lease.db` },
      { args: ["--check-settings"], unprivileged: true },
    );
    expect(code).toBe(78);
    expect(stderr).toContain("make the file and its folder writable for this user");
  });

  test("doors that want the same port", async () => {
    const same = { LEASE_HTTP_LISTEN: "127.0.0.1:18090", LEASE_OPS_LISTEN: "127.0.0.1:18090" };
    expect(await faultsOf(same)).toContain(
      'LEASE_OPS_LISTEN is "127.0.0.1:18090" and LEASE_HTTP_LISTEN is "127.0.0.1:18090": each door needs a port of its own, set another one',
    );
  });

  test("also by a start that fails", async () => {
    await using running = await runService();
    const { code, stdout, stderr } = await runToExit({
      LEASE_STORE_URL: "memory:",
      LEASE_GRPC_TLS_CERT: "/nowhere/cert.pem",
      LEASE_GRPC_TLS_KEY: "/nowhere/key.pem",
      LEASE_HTTP_LISTEN: running.addresses.http,
      LEASE_OPS_LISTEN: running.addresses.ops,
    });
    expect(code).toBe(1);
    expect(stdout).not.toContain('"ready"');
    expect(stderr.split("\n")).toEqual([
      expect.stringContaining("LEASE_GRPC_TLS_CERT is"),
      expect.stringContaining("LEASE_GRPC_TLS_KEY is"),
      expect.stringContaining("LEASE_HTTP_LISTEN is"),
      expect.stringContaining("LEASE_OPS_LISTEN is"),
    ]);
  });
});
