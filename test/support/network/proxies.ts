import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort, until } from "../redis/redis-server.ts";

/** A proxy in front of a door, with a configuration of its own. Disposing it ends it. */
export interface RunningProxy extends AsyncDisposable {
  /** `host:port` at which it listens. */
  readonly address: string;
}

export type ProxyProgram = "nginx" | "haproxy";

export function hasProxy(program: ProxyProgram): boolean {
  try {
    execFileSync(program, ["-v"], { stdio: "ignore", env: { PATH: paths } });
    return true;
  } catch {
    process.stderr.write(`skipping tests behind ${program}: it is not installed\n`);
    return false;
  }
}

/** Debian keeps them where only administrators look. */
const paths = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/** What nginx has to be told so that it runs here at all, around what a test says of its server. */
export async function startNginx(server: (listen: string) => string): Promise<RunningProxy> {
  const listen = `127.0.0.1:${await freePort()}`;
  const folder = await mkdtemp(join(tmpdir(), "lease-nginx-"));
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ");
  const config = `
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http { access_log off; ${temporary} ${server(listen)} }`;
  await writeFile(join(folder, "nginx.conf"), config);
  const args = ["-p", folder, "-e", join(folder, "error.log"), "-c", join(folder, "nginx.conf")];
  return started("nginx", args, { listen, folder });
}

export async function startHaproxy(config: (listen: string) => string): Promise<RunningProxy> {
  const listen = `127.0.0.1:${await freePort()}`;
  const folder = await mkdtemp(join(tmpdir(), "lease-haproxy-"));
  const path = join(folder, "haproxy.cfg");
  await writeFile(path, `${config(listen)}\n`);
  return started("haproxy", ["-db", "-f", path], { listen, folder });
}

interface Place {
  readonly listen: string;
  readonly folder: string;
}

async function started(
  program: ProxyProgram,
  args: readonly string[],
  { listen, folder }: Place,
): Promise<RunningProxy> {
  const child = spawn(program, args, { stdio: "ignore", env: { PATH: paths } });
  // A test run that ends early must not leave proxies behind.
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    return fetch(`http://${listen}/`).then(
      () => true,
      // What speaks HTTP/2 alone is up as well.
      (error: Error) => !String(error.cause).includes("ECONNREFUSED"),
    );
  }, `${program} did not listen`);
  return {
    address: listen,
    async [Symbol.asyncDispose]() {
      process.off("exit", killChild);
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}
