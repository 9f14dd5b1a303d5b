import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { describe, expect, test } from "vitest";
import { hasOpenssl, openAuthority } from "../support/network/certificates.ts";
import { listenOnLoopback } from "../support/network/wire.ts";
import { jwtMode } from "../support/process/jwt-mode.ts";
import { runService } from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { runCli, startCli } from "./run-cli.ts";

/** The one line that a run complains with. */
async function complaintOf(
  args: readonly string[],
): Promise<readonly [code: number | null, line: string]> {
  const { code, stdout, stderr } = await runCli(args);
  expect(stdout).toBe("");
  expect(stderr.split("\n")).toHaveLength(2);
  return [code, stderr.trimEnd()];
}

test("what does not answer is named, with what to check", async () => {
  await using service = await runService();
  expect(await complaintOf(["sessions", "--address", "127.0.0.1:1"])).toEqual([
    69,
    "controller-lease: cannot reach 127.0.0.1:1 (ECONNREFUSED): is the service up, and is that the address of its door?",
  ]);
  for (const door of [service.addresses.http, service.addresses.ops]) {
    const [code, line] = await complaintOf(["sessions", "--address", door]);
    expect(code).toBe(69);
    expect(line).toContain(`cannot reach ${door} (`);
  }
  const closed = createServer();
  const address = `127.0.0.1:${await listenOnLoopback(closed)}`;
  closed.close();
  const [code, line] = await complaintOf(["drain", "--yes", "--ops", address]);
  expect([code, line]).toEqual([69, expect.stringContaining(`${address} (ECONNREFUSED)`)]);
  // No door for operators speaks TLS.
  const rude = createServer((socket) => socket.end("no HTTP"));
  const babbling = `127.0.0.1:${await listenOnLoopback(rude)}`;
  const [, hint] = await complaintOf(["drain", "--yes", "--ops", babbling]);
  expect(hint).toMatch(/: is it a door of the service\?$/);
  rude.close();
});

test("what takes the connection and says nothing is given up after --timeout", async () => {
  const silent = createServer(() => undefined);
  const address = `127.0.0.1:${await listenOnLoopback(silent)}`;
  const args = ["--address", address, "--timeout", "300ms"];
  for (const command of [["sessions"], ["watch", "s1"], ["revoke", "s1", "--yes"]]) {
    const [code, line] = await complaintOf([...command, ...args]);
    expect(code).toBe(69);
    expect(line).toContain(address);
  }
  const drain = ["drain", "--yes", "--ops", address, "--timeout", "300ms"];
  expect(await complaintOf(drain)).toEqual([
    69,
    `controller-lease: ${address} gave no answer within 300 ms: is it busy, or is --timeout short?`,
  ]);
  silent.close();
});

describe("with LEASE_AUTH=jwt", () => {
  test("a bearer comes from a file or from the environment", async () => {
    await using mode = await jwtMode();
    await using folder = await storeFolder();
    await using service = await runService({ env: mode.env });
    const bearer = await mode.manager();
    const path = join(folder.path, "bearer");
    await writeFile(path, `${bearer}\n`);
    const args = ["sessions", "--address", service.addresses.grpc];
    const none = { code: 0, stdout: "", stderr: "no sessions\n" };
    expect(await runCli([...args, "--bearer-file", path])).toEqual(none);
    expect(await startCli(args, { LEASE_BEARER: bearer }).ended).toEqual(none);
  });

  test("without one, or with one that may not, it says how to give another", async () => {
    await using mode = await jwtMode();
    await using folder = await storeFolder();
    await using service = await runService({ env: mode.env });
    const args = ["sessions", "--address", service.addresses.grpc];
    const path = join(folder.path, "bearer");
    const withFile = ["--bearer-file", path];
    expect((await complaintOf(args))[1]).toMatch(
      /: give a bearer by --bearer-file FILE or in LEASE_B/,
    );
    for (const bearer of ["no-token", await mode.manager({}, -3_600_000)]) {
      await writeFile(path, bearer);
      const [code, line] = await complaintOf([...args, ...withFile]);
      expect(code).toBe(77);
      expect(line).toMatch(/: give a bearer by --bearer-file FILE/);
      expect(line).not.toContain(bearer);
    }
    await writeFile(path, await mode.manager({ scope: "pb:service pb:sessions.read" }));
    const revoke = ["revoke", "s1", "--yes", "--address", service.addresses.grpc, ...withFile];
    expect(await complaintOf(revoke)).toEqual([77, expect.stringContaining("SCOPE_MISSING")]);
    const watch = ["watch", "s1", "--address", service.addresses.grpc];
    expect(await complaintOf(watch)).toEqual([77, expect.stringContaining("give a bearer")]);
  });

  test("a service that has LEASE_BEARER in its environment starts all the same", async () => {
    await using service = await runService({ env: { LEASE_BEARER: "of the person on call" } });
    expect(service.addresses.grpc).toBeDefined();
  });
});

describe.skipIf(!hasOpenssl)("over TLS", () => {
  test("a certificate is a way in, and each thing that does not fit is named", async () => {
    await using authority = await openAuthority();
    await using other = await openAuthority();
    await using mode = await jwtMode();
    const own = authority.issue("IP:127.0.0.1");
    const caller = authority.issue("DNS:operator");
    const misnamed = authority.issue("DNS:elsewhere");
    const tls = { LEASE_GRPC_TLS_CERT: own.certificate, LEASE_GRPC_TLS_KEY: own.key };
    const env = { ...mode.env, ...tls, LEASE_GRPC_TLS_CLIENT_CA: authority.authority };
    await using service = await runService({ env });
    const address = service.addresses.grpc;
    const args = ["sessions", "--address", address];
    const certified = ["--cert", caller.certificate, "--key", caller.key];
    const sound = [...args, "--ca", authority.authority, ...certified];
    expect(await runCli(sound)).toEqual({ code: 0, stdout: "", stderr: "no sessions\n" });

    const wrong: readonly (readonly [args: readonly string[], words: RegExp])[] = [
      [[...args, "--timeout", "1s"], new RegExp(`If it speaks TLS, write https://${address}`, "i")],
      [[...args, "--ca", other.authority, ...certified], /by --ca FILE/],
      [["sessions", "--address", `https://${address}`], /by --ca FILE/],
      [[...args, "--ca", authority.authority], /does it want a certificate by --cert and --key\?/],
    ];
    for (const [given, words] of wrong) {
      const [code, line] = await complaintOf(given);
      expect(code).toBe(69);
      expect(line).toMatch(words);
    }
    await using elsewhere = await runService({
      env: { LEASE_GRPC_TLS_CERT: misnamed.certificate, LEASE_GRPC_TLS_KEY: misnamed.key },
    });
    const far = ["sessions", "--address", elsewhere.addresses.grpc, "--ca", authority.authority];
    expect((await complaintOf(far))[1]).toMatch(/use a name that its certificate bears/);
  });

  test("people reach the public door, with a bearer of their own", async () => {
    await using authority = await openAuthority();
    await using mode = await jwtMode();
    const { certificate, key } = authority.issue("IP:127.0.0.1");
    const tls = { LEASE_HTTP_TLS_CERT: certificate, LEASE_HTTP_TLS_KEY: key };
    await using service = await runService({ env: { ...mode.env, ...tls } });
    const args = ["sessions", "--address", service.addresses.http, "--ca", authority.authority];
    const env = { LEASE_BEARER: await mode.person() };
    expect(await startCli(args, env).ended).toEqual({
      code: 0,
      stdout: "",
      stderr: "no sessions\n",
    });
  });
});
