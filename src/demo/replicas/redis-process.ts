import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A redis-server on a free port of loopback. Disposing it ends it and removes its folder. */
export interface RedisProcess extends AsyncDisposable {
  readonly url: string;
}

/** There is no redis-server to start; the message says how to get one. */
class RedisMissing extends Error {
  override readonly name = "RedisMissing";

  constructor() {
    super(
      "Replicas share their sessions in Redis, and there is no redis-server on PATH. Install " +
        "version 7 or newer (Debian, Ubuntu: apt-get install redis-server; macOS: brew install " +
        "redis), or run the demo without --replicas.",
    );
  }
}

/** Rejects with {@link RedisMissing} when none can be started. */
export async function startRedis(): Promise<RedisProcess> {
  const folder = await mkdtemp(join(tmpdir(), "controller-lease-redis-"));
  const port = await freePort();
  const settings = { port: String(port), bind: "127.0.0.1", dir: folder, save: "" };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // In a process group of its own: Ctrl-C is not to end it under the services that drain.
  const child = spawn("redis-server", args, {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const exited = new Promise<Error>((resolve) => {
    child.once("error", () => resolve(new RedisMissing()));
    child.once("exit", (code) => resolve(new Error(`redis-server ended with ${code}`)));
  });
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    process.removeListener("exit", killAtExit);
    await rm(folder, { recursive: true, force: true });
  };
  const ready = new Promise<undefined>((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      if (line.includes("Ready to accept connections")) resolve(undefined);
    });
  });
  const fault = await Promise.race([ready, exited]);
  if (fault !== undefined) {
    await end();
    throw fault;
  }
  return { url: `redis://127.0.0.1:${port}`, [Symbol.asyncDispose]: end };
}

/** A port of loopback that nobody uses now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
