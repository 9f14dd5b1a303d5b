import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The service as a process on free ports. Disposing it drains it and removes its store. */
export interface ServiceProcess extends AsyncDisposable {
  /** Addresses bound, as `host:port`. */
  readonly grpc: string;
  readonly http: string;
  readonly ops: string;
  readonly exited: Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

/** Settings of a store that several processes share. */
export interface SharedStore {
  readonly LEASE_STORE_URL: string;
  readonly LEASE_TOKEN_KEY: string;
}

type Addresses = Pick<ServiceProcess, "grpc" | "http" | "ops">;

/**
 * Starts the service on a SQLite file of its own, or on a store that it shares; rejects when it ends
 * before it is ready.
 */
export async function startService(shared?: SharedStore): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), "controller-lease-demo-"));
  const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
  const tether = new URL("./tether.ts", import.meta.url).href;
  const child = spawn(process.execPath, ["--import", tether, main], {
    env: {
      ...(shared ?? { LEASE_STORE_URL: `sqlite:${join(folder, "lease.db")}` }),
      LEASE_GRPC_LISTEN: "127.0.0.1:0",
      LEASE_HTTP_LISTEN: "127.0.0.1:0",
      LEASE_OPS_LISTEN: "127.0.0.1:0",
      LEASE_LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    child.kill(signal);
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const ready = new Promise<Addresses>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const message = JSON.parse(line) as Addresses & { readonly msg?: string };
      if (message.msg === "ready") resolve(message);
    });
  });
  const addresses = await Promise.race([ready, exited]);
  if (addresses === undefined) {
    await end();
    throw new Error("the service ended before it was ready");
  }
  const { grpc, http, ops } = addresses;
  return {
    grpc,
    http,
    ops,
    exited,
    kill: () => end("SIGKILL"),
    [Symbol.asyncDispose]: () => end(),
  };
}
