import { execFile, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv, promisify } from "node:util";

import { describe, expect, test } from "vitest";

import { followed } from "../support/process/run-service.ts";
import { freePort } from "../support/redis/redis-server.ts";
import { testLength } from "../support/runs/test-length.ts";
import { storeFolder } from "../support/store/store-files.ts";
import {
  type Env,
  imageEnv,
  msOf,
  portsOf,
  read,
  root,
  settingsFrom,
  verifying,
} from "./deployed.ts";
import { type Step, stagesOf } from "./dockerfile.ts";
import { buildStandIn, contextFilter, hostEnv, type StandIn } from "./stand-in.ts";

const stages = stagesOf(read("src/deploy/Dockerfile"));
const image = stages.at(-1)?.steps ?? [];
const isInContext = contextFilter(read("src/deploy/Dockerfile.dockerignore"));
const { dependencies } = JSON.parse(read("package.json")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** The only step of that kind in what becomes the image. */
function only<Kind extends Step["kind"]>(kind: Kind): Extract<Step, { readonly kind: Kind }> {
  const found = image.filter((step) => step.kind === kind);
  expect(found, kind).toHaveLength(1);
  return found[0] as Extract<Step, { readonly kind: Kind }>;
}

describe("The Dockerfile", () => {
  test("takes the Node that package.json names", () => {
    const bases = new Set(stages.map(({ base }) => base));
    expect([...bases]).toEqual([`node:${dependencies.node}-bookworm-slim`]);
  });

  test("makes an image in which nobody is root, and Node is who receives signals", () => {
    expect(image.findIndex(({ kind }) => kind === "run")).toBe(-1);
    expect(only("user").name).toBe("node");
    const { command } = only("start");
    expect(command).toEqual(["node", "src/main.ts"]);
  });

  test("opens the ports of the settings that it gives, and keeps the store on its volume", () => {
    const settings = settingsFrom({ ...imageEnv(), ...verifying });
    expect(settings.auth.kind).toBe("jwt");
    expect(only("ports").ports).toEqual(Object.values(portsOf(settings)));
    const path = settings.store.kind === "sqlite" ? settings.store.path : "";
    expect(join(only("workdir").path, path, "..")).toBe(only("volume").path);
  });

  test("counts no failed health check before a start has given Redis up", () => {
    const { redisWaitMs } = settingsFrom({});
    expect(msOf(only("health").flags["start-period"] ?? "")).toBeGreaterThan(redisWaitMs);
  });

  test.each([
    ["src/main.ts", true],
    ["src/page/view/app.tsx", true],
    ["package-lock.json", true],
    ["src/deploy/README.md", false],
    ["src/demo/main.ts", false],
    ["keys/env", false],
    ["data/controller-lease.db.key", false],
    [".git/config", false],
    ["node_modules/yaml/package.json", false],
    ["test/README.md", false],
  ])("has %s in what it is built from: %s", (path, isIn) => {
    expect(isInContext(path)).toBe(isIn);
  });
});

describe.runIf(testLength === "long")("Its commands, run in order in an empty folder", () => {
  test("make a service that starts, is healthy, and ends by SIGTERM", async () => {
    await using built = await buildStandIn(
      stages,
      root,
      read("src/deploy/Dockerfile.dockerignore"),
    );
    expect(devPackagesIn(built.cwd)).toEqual([]);

    const bare = start(built, {});
    expect((await bare.exited).code).toBe(78);
    const complaints = bare.stderr.join("\n");
    for (const name of ["JWKS_FILE", "ISSUER", "AUDIENCE"])
      expect(complaints).toContain(`LEASE_AUTH_${name}`);
    expect(complaints).toContain("LEASE_TOKEN_KEY is missing");

    await using keys = await keysFrom(built);
    const ports = { grpc: await freePort(), http: await freePort(), ops: await freePort() };
    const env = {
      ...keys.env,
      LEASE_GRPC_LISTEN: `0.0.0.0:${ports.grpc}`,
      LEASE_HTTP_LISTEN: `0.0.0.0:${ports.http}`,
      LEASE_OPS_LISTEN: `0.0.0.0:${ports.ops}`,
    };
    const service = start(built, env);
    expect(await service.ready, service.stderr.join("\n")).toBeDefined();
    expect(await isHealthy(built, env)).toBe(true);
    const page = await fetch(`http://127.0.0.1:${ports.http}/`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<script")]);
    expect(readdirSync(join(built.cwd, "data"))).toContain("controller-lease.db");

    const ask = ["node", "dist/cli/main.js", "sessions", "--beach", "beach-1"];
    const address = ["--address", `127.0.0.1:${ports.grpc}`];
    expect(await exitCodeOf(built, [...ask, ...address], { LEASE_BEARER: keys.manager })).toBe(0);

    expect(await service.stop("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(await isHealthy(built, env)).toBe(false);
  }, 300_000);
});

function start(built: StandIn, env: Env): ReturnType<typeof followed> {
  const [file = "", ...args] = only("start").command;
  const options = { cwd: built.cwd, env: { ...hostEnv(), ...built.env, ...env }, ...built.user };
  return followed(spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] }));
}

async function isHealthy(built: StandIn, env: Env): Promise<boolean> {
  const code = await exitCodeOf(built, only("health").command, env);
  // Docker knows these two.
  expect([0, 1]).toContain(code);
  return code === 0;
}

/** Runs a command as `docker exec` does. */
async function exitCodeOf(built: StandIn, command: readonly string[], env: Env): Promise<unknown> {
  const [file = "", ...args] = command;
  const options = { cwd: built.cwd, env: { ...hostEnv(), ...built.env, ...env }, ...built.user };
  return promisify(execFile)(file, args, options).then(
    () => 0,
    (error: { readonly code: unknown }) => error.code,
  );
}

interface Keys extends AsyncDisposable {
  readonly env: Env;
  /** A bearer of Beach Manager. */
  readonly manager: string;
}

/** Settings of jwt mode, as `npm run keys` writes them. */
async function keysFrom({ cwd }: StandIn): Promise<Keys> {
  const folder = await storeFolder();
  // The user of the image reads the key set.
  const command = `chmod 755 ${folder.path} && node src/keys/main.ts --out ${folder.path}`;
  await promisify(execFile)("sh", ["-ec", command], { cwd, env: hostEnv() });
  const text = (name: string): Promise<string> => readFile(join(folder.path, name), "utf8");
  const [env, manager] = [parseEnv(await text("env")) as Env, await text("manager.jwt")];
  return { env, manager, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** Packages that the lock file has for developers alone. */
function devPackagesIn(folder: string): readonly string[] {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  const dev = Object.entries(packages).filter(([, { dev = false }]) => dev);
  expect(dev.length).toBeGreaterThan(50);
  return dev.map(([path]) => path).filter((path) => existsSync(join(folder, path)));
}
