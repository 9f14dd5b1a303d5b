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
  const own = port ?? (await freePort());
  let process = await launch(own, folder, settings);
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

/** A port of loopback that nobody uses now. */
function freePort(): Promise<number> {
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
  const own = { port: String(port), bind: "127.0.0.1", dir: folder, save: "", ...settings };
  const args = Object.entries(own).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn("redis-server", args, { stdio: "ignore" });
  // A run that ends early must not leave servers behind.
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  child.once("exit", () => process.off("exit", killChild));
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    try {
      await ask(port, ["PING"]);
      return child;
    } catch {
      await delay(25);
    }
  }
  throw new Error("redis-server did not answer");
}

async function ask(port: number, command: readonly string[]): Promise<unknown> {
  const client = createClient({ socket: { host: "127.0.0.1", port, reconnectStrategy: false } });
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
