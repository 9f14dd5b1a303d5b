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
  /** It has ended, and is not started again. */
  readonly exited: Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Ends it with SIGKILL, and starts it again on the same store and at the same addresses. */
  restart(): Promise<void>;
}

/** Settings of a service: of Beach Road, and of a store that several processes share. */
export interface ServiceSettings {
  readonly LEASE_ROAD_URL?: string | undefined;
  readonly LEASE_STORE_URL?: string;
  readonly LEASE_TOKEN_KEY?: string;
}

type Addresses = Pick<ServiceProcess, "grpc" | "http" | "ops">;

/**
 * Starts the service on a SQLite file of its own, or on a store that it shares; rejects when it ends
 * before it is ready.
 */
export async function startService(settings: ServiceSettings = {}): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), "controller-lease-demo-"));
  const env = { LEASE_STORE_URL: `sqlite:${join(folder, "lease.db")}`, ...settings };
  const ended = Promise.withResolvers<void>();
  let child = spawnService(env, anyPorts);
  let isExpected = false;
  const follow = ({ exited }: SpawnedService): void => {
    void exited.then(() => (isExpected ? undefined : ended.resolve()));
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    isExpected = true;
    child.kill(signal);
    await child.exited;
  };
  const leave = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    await end(signal);
    ended.resolve();
    await rm(folder, { recursive: true, force: true });
  };
  const addresses = await child.ready;
  if (addresses === undefined) {
    await leave();
    throw new Error("the service ended before it was ready");
  }
  follow(child);
  const { grpc, http, ops } = addresses;
  let isLeft = false;
  return {
    grpc,
    http,
    ops,
    exited: ended.promise,
    kill: () => leave("SIGKILL"),
    async restart() {
      await end("SIGKILL");
      if (isLeft) return;
      child = spawnService(env, { grpc, http, ops });
      isExpected = false;
      follow(child);
      await child.ready;
    },
    async [Symbol.asyncDispose]() {
      isLeft = true;
      await leave();
    },
  };
}

interface SpawnedService {
  readonly exited: Promise<void>;
  /** Undefined when it ended before. */
  readonly ready: Promise<Addresses | undefined>;
  kill(signal: NodeJS.Signals): void;
}

const anyPorts: Addresses = { grpc: "127.0.0.1:0", http: "127.0.0.1:0", ops: "127.0.0.1:0" };

function spawnService(settings: object, listen: Addresses): SpawnedService {
  const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
  const tether = new URL("./tether.ts", import.meta.url).href;
  const child = spawn(process.execPath, ["--import", tether, main], {
    env: {
      ...settings,
      LEASE_GRPC_LISTEN: listen.grpc,
      LEASE_HTTP_LISTEN: listen.http,
      LEASE_OPS_LISTEN: listen.ops,
      LEASE_LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const told = new Promise<Addresses>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const message = JSON.parse(line) as Addresses & { readonly msg?: string };
      if (message.msg === "ready") resolve(message);
    });
  });
  return {
    exited,
    ready: Promise.race([told, exited.then(() => undefined)]),
    kill: (signal) => void child.kill(signal),
  };
}
