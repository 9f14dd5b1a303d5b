import { readFileSync } from "node:fs";

import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { createNodeTransport } from "../../src/client/node.ts";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { hasOpenssl, openAuthority } from "../support/network/certificates.ts";
import { runService } from "../support/process/run-service.ts";

test.skipIf(!hasOpenssl)(
  "a client calls every door over TLS, by the authority and the certificate that it is given",
  async () => {
    await using authority = await openAuthority();
    const own = authority.issue("IP:127.0.0.1");
    const caller = authority.issue("DNS:manager");
    await using service = await runService({
      env: {
        LEASE_GRPC_TLS_CERT: own.certificate,
        LEASE_GRPC_TLS_KEY: own.key,
        LEASE_GRPC_TLS_CLIENT_CA: authority.authority,
        LEASE_HTTP_TLS_CERT: own.certificate,
        LEASE_HTTP_TLS_KEY: own.key,
      },
    });
    const read = (path: string): string => readFileSync(path, "utf8");
    const ca = read(authority.authority);
    const certified = { ca, cert: read(caller.certificate), key: read(caller.key) };
    const cases = [
      ["grpc", service.addresses.grpc, certified, true],
      ["grpc", service.addresses.grpc, { ca }, false],
      ["grpc", service.addresses.http, { ca }, true],
      ["connect", service.addresses.http, { ca }, true],
      ["connect", service.addresses.http, {}, false],
      ["connect-http2", service.addresses.http, { ca }, true],
      ["connect-http2", service.addresses.http, {}, false],
    ] as const;
    for (const [protocol, address, tls, isServed] of cases) {
      const transport = createNodeTransport({ baseUrl: `https://${address}`, protocol, tls });
      const call = createClient(FastPathRegistry, transport).summarizeFleet({});
      const outcome = await call.then(
        () => true,
        () => false,
      );
      expect(outcome, `${protocol} ${address} ${Object.keys(tls)}`).toBe(isServed);
      transport.close();
    }
  },
);
