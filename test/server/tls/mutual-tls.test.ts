import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";

import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  type Authority,
  type Certificate,
  hasOpenssl,
  openAuthority,
} from "../../support/network/certificates.ts";
import { jwtMode } from "../../support/process/jwt-mode.ts";
import { type Env, type RunningService, runService } from "../../support/process/run-service.ts";

const host = "IP:127.0.0.1";

/** Calls the internal door as somebody with a certificate, or without one. */
async function callAs(
  service: RunningService,
  authority: Authority,
  certificate: Certificate | undefined,
  bearer?: string,
): Promise<string> {
  const withBearer: Interceptor = (next) => (call) => {
    if (bearer !== undefined) call.header.set("authorization", `Bearer ${bearer}`);
    return next(call);
  };
  const transport = createGrpcTransport({
    baseUrl: `https://${service.addresses.grpc}`,
    interceptors: [withBearer],
    nodeOptions: {
      ca: await readFile(authority.authority),
      ...(certificate !== undefined && {
        cert: await readFile(certificate.certificate),
        key: await readFile(certificate.key),
      }),
    },
  });
  const registry = createClient(FastPathRegistry, transport);
  try {
    await registry.attachSession({ sessionId: "s1", privateBeachId: "beach-1" });
    return "attached";
  } catch (error) {
    const { code, message } = ConnectError.from(error);
    return code === Code.Unauthenticated ? "unauthenticated" : `${Code[code]} ${message}`;
  }
}

function doorEnv({ certificate, key }: Certificate, clientAuthority?: string): Env {
  return {
    LEASE_GRPC_TLS_CERT: certificate,
    LEASE_GRPC_TLS_KEY: key,
    ...(clientAuthority !== undefined && { LEASE_GRPC_TLS_CLIENT_CA: clientAuthority }),
  };
}

test.skipIf(!hasOpenssl)(
  "at the internal door a certificate of the authority stands for a service, and nobody calls without one",
  async () => {
    await using authority = await openAuthority();
    await using foreign = await openAuthority();
    await using jwt = await jwtMode();
    const tls = doorEnv(authority.issue(host), authority.authority);
    await using service = await runService({ env: { ...jwt.env, ...tls } });
    expect(await callAs(service, authority, authority.issue("DNS:manager"))).toBe("attached");
    expect(await callAs(service, authority, undefined)).not.toBe("attached");
    expect(await callAs(service, authority, foreign.issue("DNS:manager"))).not.toBe("attached");
  },
);

test.skipIf(!hasOpenssl)(
  "a bearer is what its caller is judged by, also beside a certificate",
  async () => {
    await using authority = await openAuthority();
    await using jwt = await jwtMode();
    const tls = doorEnv(authority.issue(host), authority.authority);
    await using service = await runService({ env: { ...jwt.env, ...tls } });
    const manager = authority.issue("DNS:manager");
    const person = await jwt.person();
    expect(await callAs(service, authority, manager, "no-token")).toBe("unauthenticated");
    expect(await callAs(service, authority, manager, person)).toMatch(/^PermissionDenied/);
  },
);

test.skipIf(!hasOpenssl)(
  "without an authority for callers the internal door speaks TLS and asks for bearers",
  async () => {
    await using authority = await openAuthority();
    await using jwt = await jwtMode();
    await using service = await runService({
      env: { ...jwt.env, ...doorEnv(authority.issue(host)) },
    });
    const certificate = authority.issue("DNS:manager");
    expect(await callAs(service, authority, certificate)).toBe("unauthenticated");
    expect(await callAs(service, authority, undefined, await jwt.manager())).toBe("attached");
  },
);

test.skipIf(!hasOpenssl)(
  "files are read anew under an open watch, and a bad one changes nothing",
  async () => {
    await using authority = await openAuthority();
    await using next = await openAuthority();
    const files = authority.issue(host);
    const client = authority.issue("DNS:manager");
    const clientAuthority = `${authority.authority}.copy`;
    await copyFile(authority.authority, clientAuthority);
    await using service = await runService({ env: doorEnv(files, clientAuthority) });
    const transport = createGrpcTransport({
      baseUrl: `https://${service.addresses.grpc}`,
      nodeOptions: {
        ca: await readFile(authority.authority),
        cert: await readFile(client.certificate),
        key: await readFile(client.key),
      },
    });
    const leave = new AbortController();
    const watch = createClient(ControllerLease, transport)
      .watchTransport({ sessionIds: ["s1"] }, { signal: leave.signal })
      [Symbol.asyncIterator]();
    const events: unknown[] = [];
    const nextEvent = async (): Promise<void> => {
      events.push((await watch.next()).value?.event.case);
    };
    await nextEvent();
    await nextEvent();

    const [, secret = ""] = (await readFile(files.key, "utf8")).split("\n");
    await writeFile(files.key, `no key: ${secret}`);
    await service.readFilesAnew();
    expect(service.log).toContainEqual(
      expect.objectContaining({
        level: "error",
        msg: "files not read anew: what was read before stays in use",
        err: expect.objectContaining({ message: expect.stringContaining("LEASE_GRPC_TLS_KEY") }),
      }),
    );
    expect(JSON.stringify(service.log)).not.toContain(secret);
    expect(await callAs(service, authority, client)).toBe("attached");

    const renewed = next.issue(host);
    await copyFile(renewed.certificate, files.certificate);
    await copyFile(renewed.key, files.key);
    await copyFile(next.authority, clientAuthority);
    await service.readFilesAnew();
    expect(await callAs(service, next, next.issue("DNS:manager"))).toBe("attached");
    expect(await callAs(service, next, client)).not.toBe("attached");
    expect(await callAs(service, authority, client)).not.toBe("attached");

    // The stream that was open before is the one that tells of it.
    await nextEvent();
    expect(events).toEqual(["gone", "bookmark", "state"]);
    leave.abort();
  },
);

test.skipIf(!hasOpenssl)("a metric says when the certificate ends", async () => {
  await using authority = await openAuthority(2);
  await using service = await runService({ env: doorEnv(authority.issue(host)) });
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  const [, ends] =
    /lease_tls_certificate_expires_seconds\{door="internal"\} (\d+)/.exec(metrics) ?? [];
  const days = (Number(ends) - Date.now() / 1000) / 86_400;
  expect(days).toBeGreaterThan(1.9);
  expect(days).toBeLessThanOrEqual(2);
});

test.skipIf(!hasOpenssl)(
  "a connection to the internal door has to finish its handshake in time",
  async () => {
    await using authority = await openAuthority();
    const budgets = { handshake_ms: 50 };
    await using service = await runService({ env: doorEnv(authority.issue(host)), budgets });
    const [, address = "", port] = /^(.*):(\d+)$/.exec(service.addresses.grpc) ?? [];
    const silent = connect({ host: address, port: Number(port) });
    silent.on("error", () => undefined).resume();
    await once(silent, "close");
    const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
    expect(metrics).toContain('lease_budget_refusals_total{budget="handshake_ms"} 1');
  },
);
