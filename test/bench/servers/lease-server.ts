import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { startApp } from "../../../src/app.ts";
import {
  ControllerLease,
  HandshakeKind,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { ChannelState } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { toSettings } from "../../../src/settings/settings.ts";
import { serveMeasurements } from "../contestant.ts";
import type { LeaseOnHand } from "../load/calls.ts";
import { managerReport, managerUrlOf } from "../sessions/manager-report.ts";

/**
 * The service as a user starts it, with leases to renew on usable paths: on a SQLite file of its own,
 * on one that is full of sessions, or on the store that it is told, where processes that share it have
 * the same leases.
 */
const { store, file, leases, certificate, key } = parseArgs({
  options: {
    store: { type: "string" },
    file: { type: "string" },
    leases: { type: "string", default: "1000" },
    certificate: { type: "string", default: "" },
    key: { type: "string", default: "" },
  },
}).values;
/** So few that none of their negotiations times out before its report comes. */
const preparedAtOnce = 200;
const triesMax = 5;

const folder = mkdtempSync(join(tmpdir(), "lease-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const settings = toSettings({
  LEASE_GRPC_LISTEN: "127.0.0.1:0",
  LEASE_HTTP_LISTEN: "127.0.0.1:0",
  LEASE_OPS_LISTEN: "127.0.0.1:0",
  LEASE_LOG_LEVEL: "warn",
  LEASE_HTTP_TLS_CERT: certificate,
  LEASE_HTTP_TLS_KEY: key,
  LEASE_STORE_URL: store ?? `sqlite:${file ?? join(folder, "lease.db")}`,
  ...(store === undefined ? {} : { LEASE_TOKEN_KEY: "the key of all processes under measurement" }),
  // Nobody reports again, and evidence that grows old would be written beside the renewals.
  LEASE_EVIDENCE_STALE_MS: "600000",
  LEASE_EVIDENCE_LOST_MS: "1200000",
});
if (settings.kind === "faults") throw new Error(settings.faults.join("\n"));

const app = await startApp(settings.settings);
const transport = createGrpcTransport({ baseUrl: `http://${app.addresses.grpc}` });
const leaseService = createClient(ControllerLease, transport);
const registry = createClient(FastPathRegistry, transport);
const ids = Array.from(
  { length: file === undefined ? Number(leases) : 0 },
  (_, index) => `session-${index}`,
);
const prepared: LeaseOnHand[] = [];
while (prepared.length < ids.length) {
  const some = ids.slice(prepared.length, prepared.length + preparedAtOnce);
  prepared.push(...(await Promise.all(some.map(prepare))));
}
const { grpc, http } = app.addresses;
const publicDoor = certificate === "" ? { connect: http } : { connectTls: http };
serveMeasurements({ grpc, ...publicDoor }, prepared);

async function prepare(sessionId: string, index: number): Promise<LeaseOnHand> {
  const managerUrl = managerUrlOf(prepared.length + index);
  await registry.attachSession({ sessionId, privateBeachId: "bench", managerUrl });
  const ttl = { seconds: 300n };
  const { controllerToken, offer } = await leaseService.acquire({
    sessionId,
    reason: "bench",
    ttl,
  });
  let handshakeId = offer?.handshakeId ?? "";
  for (let tries = 1; tries <= triesMax; tries += 1) {
    // Where another process has prepared the same session, its path is up.
    if (handshakeId !== "") {
      const report = managerReport({ sessionId, handshakeId }, 1, ChannelState.READY);
      await registry.reportTransport({ reports: [report] });
    }
    const renewed = await leaseService.renew({ sessionId, controllerToken });
    if (renewed.handshakeKind === HandshakeKind.REFRESH) {
      return { sessionId, token: controllerToken, handshakeId };
    }
    handshakeId = renewed.offer?.handshakeId ?? handshakeId;
  }
  throw new Error(`${sessionId} has no usable path`);
}
