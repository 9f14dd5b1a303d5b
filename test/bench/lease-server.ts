import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { startApp } from "../../src/app.ts";
import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ChannelState,
  ConnectionState,
  TransportEnd,
} from "../../src/gen/beach/controller/v1/transport_pb.js";
import { toSettings } from "../../src/settings/settings.ts";
import { type LeaseOnHand, serveMeasurements } from "./contestant.ts";

/** The service as it starts by default, on a SQLite file, with leases to renew on usable paths. */
const sessionCount = 1000;

const folder = mkdtempSync(join(tmpdir(), "lease-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const settings = toSettings({
  LEASE_GRPC_LISTEN: "127.0.0.1:0",
  LEASE_HTTP_LISTEN: "127.0.0.1:0",
  LEASE_OPS_LISTEN: "127.0.0.1:0",
  LEASE_STORE_URL: `sqlite:${join(folder, "lease.db")}`,
  LEASE_LOG_LEVEL: "warn",
});
if (settings.kind === "faults") throw new Error(settings.faults.join("\n"));

const app = await startApp(settings.settings);
const transport = createGrpcTransport({ baseUrl: `http://${app.addresses.grpc}` });
const leases = createClient(ControllerLease, transport);
const registry = createClient(FastPathRegistry, transport);
const ids = Array.from({ length: sessionCount }, (_, index) => `session-${index}`);
serveMeasurements(app.addresses.grpc, await Promise.all(ids.map(prepare)));

async function prepare(sessionId: string, index: number): Promise<LeaseOnHand> {
  const managerUrl = `http://127.0.0.1:${10_000 + Math.floor(index / 40)}`;
  await registry.attachSession({ sessionId, privateBeachId: "bench", managerUrl });
  const ttl = { seconds: 300n };
  const held = await leases.acquire({ sessionId, reason: "bench", ttl });
  const channels = ["mgr-actions", "mgr-acks", "mgr-state"].map((label) => ({
    label,
    state: ChannelState.READY,
  }));
  const report = {
    sessionId,
    handshakeId: held.offer?.handshakeId ?? "",
    end: TransportEnd.MANAGER,
    transportId: "transport-1",
    connection: ConnectionState.CONNECTED,
    channels,
    reporterId: "manager-1",
    sequence: 1n,
  };
  await registry.reportTransport({ reports: [report] });
  return { sessionId, token: held.controllerToken };
}
