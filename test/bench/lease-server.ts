import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { startApp } from "../../src/app.ts";
import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { ChannelState } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { toSettings } from "../../src/settings/settings.ts";
import { type LeaseOnHand, serveMeasurements } from "./contestant.ts";
import { managerReport } from "./manager-report.ts";

/**
 * The service with leases to renew on usable paths: on a SQLite file, as it starts by default, or on
 * the store that it is told, where processes that share it have the same leases.
 */
const sessionCount = 1000;
const preparedAtOnce = 40;
const [sharedStore] = process.argv.slice(2);

const sharedSettings = {
  LEASE_TOKEN_KEY: "the key of all processes under measurement",
  // Nobody reports again, and evidence that grows old would be written beside the renewals.
  LEASE_EVIDENCE_STALE_MS: "600000",
  LEASE_EVIDENCE_LOST_MS: "1200000",
};
const folder = mkdtempSync(join(tmpdir(), "lease-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const settings = toSettings({
  LEASE_GRPC_LISTEN: "127.0.0.1:0",
  LEASE_HTTP_LISTEN: "127.0.0.1:0",
  LEASE_OPS_LISTEN: "127.0.0.1:0",
  LEASE_LOG_LEVEL: "warn",
  ...(sharedStore === undefined
    ? { LEASE_STORE_URL: `sqlite:${join(folder, "lease.db")}` }
    : { LEASE_STORE_URL: sharedStore, ...sharedSettings }),
});
if (settings.kind === "faults") throw new Error(settings.faults.join("\n"));

const app = await startApp(settings.settings);
const transport = createGrpcTransport({ baseUrl: `http://${app.addresses.grpc}` });
const leases = createClient(ControllerLease, transport);
const registry = createClient(FastPathRegistry, transport);
const ids = Array.from({ length: sessionCount }, (_, index) => `session-${index}`);
const prepared: LeaseOnHand[] = [];
while (prepared.length < sessionCount) {
  const from = prepared.length;
  prepared.push(...(await Promise.all(ids.slice(from, from + preparedAtOnce).map(prepare))));
}
serveMeasurements(app.addresses.grpc, prepared);

async function prepare(sessionId: string): Promise<LeaseOnHand> {
  // One manager may have no more than so many negotiations in flight.
  const managerUrl = `http://127.0.0.1:${10_000 + prepared.length / preparedAtOnce}`;
  await registry.attachSession({ sessionId, privateBeachId: "bench", managerUrl });
  const ttl = { seconds: 300n };
  const held = await leases.acquire({ sessionId, reason: "bench", ttl });
  const handshakeId = held.offer?.handshakeId ?? "";
  const report = managerReport({ sessionId, handshakeId }, 1, ChannelState.READY);
  await registry.reportTransport({ reports: [report] });
  return { sessionId, token: held.controllerToken, handshakeId };
}
