import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { createClient } from "@redis/client";

/** Whether this machine can run Redis. */
export const hasRedis: boolean = canRunRedis();

if (!hasRedis) {
  process.stderr.write(
    "skipping Redis tests: no redis-server (Debian: apt-get install redis-server)\n",
  );
}

/** A redis-server process of a test's own, with its data in a folder of its own. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** What `redis-cli` would answer. */
  command(...command: readonly string[]): Promise<unknown>;
  /** Makes it a replica of the server at that port, and resolves when it has caught up. */
  follow(port: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Kills it, and resolves when it has ended. */
  kill(): Promise<void>;
  /** Starts it anew on the same port and folder, after it was killed. */
  restart(): Promise<void>;
}

/** Starts redis-server on a free port, and resolves when it answers. */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
  port?: number,
): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "lease-redis-"));
  let { process, port: own } = await launchSomewhere(folder, settings, port);
  const kill = async (): Promise<void> => {
    process.kill("SIGKILL");
    await ended(process);
  };
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    get pid() {
      return process.pid ?? 0;
    },
    command: (...command) => ask(own, command),
    follow: async (primary) => {
      await ask(own, ["REPLICAOF", "127.0.0.1", String(primary)]);
      await until(async () => {
        const info = String(await ask(own, ["INFO", "replication"]));
        const seen = String(await ask(primary, ["INFO", "replication"]));
        return info.includes("master_link_status:up") && seen.includes(`port=${own},state=online`);
      }, "the replica did not catch up");
    },
    signal: (signal) => void process.kill(signal),
    kill,
    restart: async () => {
      process = await launch(own, folder, settings);
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const launchesMax = 5;

/** On another free port when somebody else was faster to take the one before. */
async function launchSomewhere(
  folder: string,
  settings: Readonly<Record<string, string>>,
  wanted: number | undefined,
): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  for (let launches = 1; ; launches += 1) {
    const port = wanted ?? (await freePort());
    try {
      return { process: await launch(port, folder, settings), port };
    } catch (error) {
      if (wanted !== undefined || launches === launchesMax) throw error;
    }
  }
}

/** A port of loopback that nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}

async function launch(
  port: number,
  folder: string,
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const own = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    // A replica need not wait for others that want the same.
    "repl-diskless-sync-delay": "0",
    ...settings,
  };
  const args = Object.entries(own).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn("redis-server", args, { stdio: "ignore" });
  // A test run that ends early must not leave servers behind.
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  child.once("exit", () => process.off("exit", killChild));
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    return ask(port, ["PING"]).then(
      () => true,
      () => false,
    );
  }, "redis-server did not answer");
  return child;
}

/** Looks again and again until it holds. */
export async function until(holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let attempt = 0; attempt < 800; attempt++) {
    if (await holds()) return;
    await delay(25);
  }
  throw new Error(otherwise);
}

/** Making the first client of a kind costs more than a hundred of the same kind. */
const pattern = createClient();

async function ask(port: number, command: readonly string[]): Promise<unknown> {
  const socket = { host: "127.0.0.1", port, reconnectStrategy: false } as const;
  const client = pattern.duplicate({ socket });
  client.on("error", () => {});
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
}

function canRunRedis(): boolean {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
