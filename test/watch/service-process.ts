import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { startApp } from "../../src/app.ts";
import { toSettings } from "../../src/settings/settings.ts";
import { serveUsage } from "./measured-process.ts";

const { sqlite, certificate, key } = parseArgs({
  options: {
    sqlite: { type: "boolean", default: false },
    certificate: { type: "string", default: "" },
    key: { type: "string", default: "" },
  },
}).values;
const folder = mkdtempSync(join(tmpdir(), "lease-watch-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const settings = toSettings({
  LEASE_GRPC_LISTEN: "127.0.0.1:0",
  LEASE_HTTP_LISTEN: "127.0.0.1:0",
  LEASE_OPS_LISTEN: "127.0.0.1:0",
  LEASE_HTTP_TLS_CERT: certificate,
  LEASE_HTTP_TLS_KEY: key,
  LEASE_STORE_URL: sqlite ? `sqlite:${join(folder, "lease.db")}` : "memory:",
  LEASE_LOG_LEVEL: "warn",
});
if (settings.kind === "faults") throw new Error(settings.faults.join("\n"));

const { addresses } = await startApp(settings.settings);
serveUsage({ grpc: addresses.grpc, http: addresses.http });
