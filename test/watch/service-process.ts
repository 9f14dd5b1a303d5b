import { startApp } from "../../src/app.ts";
import { toSettings } from "../../src/settings/settings.ts";
import { serveUsage } from "./measured-process.ts";

const settings = toSettings({
  LEASE_GRPC_LISTEN: "127.0.0.1:0",
  LEASE_HTTP_LISTEN: "127.0.0.1:0",
  LEASE_OPS_LISTEN: "127.0.0.1:0",
  LEASE_STORE_URL: "memory:",
  LEASE_LOG_LEVEL: "warn",
});
if (settings.kind === "faults") throw new Error(settings.faults.join("\n"));

const { addresses } = await startApp(settings.settings);
serveUsage({ grpc: addresses.grpc, http: addresses.http });
