import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import { parseEnv, promisify } from "node:util";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { writeKeys } from "../../src/keys/write-keys.ts";
import { drainMsMax } from "../../src/running-app.ts";
import { holdFastPath } from "../support/callers/held-session.ts";
import { runService, spawnService } from "../support/process/run-service.ts";
import { hasRedis, type RedisServer, startRedis } from "../support/redis/redis-server.ts";
import { storeFolder } from "../support/store/store-files.ts";
import {
  bytesOf,
  type Env,
  imageEnv,
  memoryMaxOf,
  msOf,
  portsOf,
  read,
  root,
  settingsFrom,
} from "./deployed.ts";

/** As far as the file uses what Compose knows. */
interface Container {
  readonly image: string;
  readonly deploy: { readonly resources: { readonly limits: { readonly memory: string } } };
}

interface Service extends Container {
  readonly build: { readonly context: string; readonly dockerfile: string };
  readonly env_file: string;
  readonly environment: Readonly<Record<string, string | number>>;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly deploy: Container["deploy"] & { readonly replicas: number };
  readonly depends_on: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period: string;
}

interface Redis extends Container {
  readonly command: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly volumes: readonly string[];
}

const folder = "src/deploy";
const { services, volumes } = parse(read(`${folder}/compose.yaml`)) as {
  readonly services: { readonly service: Service; readonly redis: Redis };
  readonly volumes: Readonly<Record<string, null>>;
};
const { service, redis } = services;
const environment: Env = Object.fromEntries(
  Object.entries(service.environment).map(([name, value]) => [name, String(value)]),
);
/** A path of the file, from the root of the project. */
const fromRoot = (path: string): string => normalize(join(folder, path));

describe("The compose file", () => {
  test("gives the service settings that it takes, beside those of npm run keys", async () => {
    await using keys = await freshKeys();
    const settings = settingsFrom({ ...imageEnv(), ...keys.env, ...environment });
    expect(settings.auth).toMatchObject({ kind: "jwt", keySet: { kind: "file" } });
    expect(settings.store).toEqual({ kind: "redis", url: "redis://redis:6379" });
  });

  test("mounts the keys from where npm run keys wrote them to where the setting says", async () => {
    await using keys = await freshKeys();
    const [source = "", target] = service.volumes[0]?.split(":") ?? [];
    expect(target).toBe(environment.LEASE_AUTH_JWKS_FILE);
    expect(keys.files).toContain(fromRoot(source));
    expect(keys.files).toContain(fromRoot(service.env_file));
  });

  test("builds the image by the Dockerfile, and takes another one by its exact version", () => {
    const { context, dockerfile } = service.build;
    expect(join(root, fromRoot(context))).toBe(root);
    expect(existsSync(join(root, dockerfile))).toBe(true);
    expect(redis.image).toMatch(/^redis:\d+\.\d+\.\d+-bookworm$/);
  });

  test("publishes every door of every process, to this machine alone", async () => {
    await using keys = await freshKeys();
    const settings = settingsFrom({ ...imageEnv(), ...keys.env, ...environment });
    const published = service.ports.map((text) => {
      const [, first, last, port] = /^127\.0\.0\.1:(\d+)-(\d+):(\d+)$/.exec(text) ?? [];
      expect(Number(last) - Number(first) + 1, text).toBe(service.deploy.replicas);
      return Number(port);
    });
    expect(published).toEqual(Object.values(portsOf(settings)));
    expect(service.deploy.replicas).toBe(2);
  });

  test("starts the service once Redis is healthy, and gives it the time to drain", () => {
    expect(service.depends_on).toEqual({ redis: { condition: "service_healthy" } });
    expect(msOf(service.stop_grace_period)).toBeGreaterThan(drainMsMax + 1000);
  });

  test("has memory for as many sessions as it allows", async () => {
    await using keys = await freshKeys();
    const settings = settingsFrom({ ...imageEnv(), ...keys.env, ...environment });
    const limit = ({ deploy }: Container): number => bytesOf(deploy.resources.limits.memory);
    expect(memoryMaxOf(settings)).toBeLessThan(limit(service));
    // Rewriting its file, Redis copies what changes meanwhile.
    expect(bytesOf(flags().maxmemory ?? "")).toBeLessThanOrEqual(0.75 * limit(redis));
    expect(redis.volumes.map((volume) => volume.split(":")[0])).toEqual(Object.keys(volumes));
  });
});

describe.skipIf(!hasRedis)("The Redis of the compose file", () => {
  test("is fit to be the store of the service, which takes the bearers of npm run keys", async () => {
    await using server = await startRedis(flags());
    await using keys = await freshKeys();
    const { LEASE_AUTH_JWKS_FILE = "" } = keys.env;
    const places = { LEASE_STORE_URL: server.url, LEASE_AUTH_JWKS_FILE };
    await using service = await spawnService({ ...keys.env, ...environment, ...places });
    const ready = await fetch(service.opsUrl("/readyz"));
    expect([ready.status, await ready.json()]).toEqual([200, { status: "ready" }]);
    const summary = "/beach.controller.v1.FastPathRegistry/SummarizeFleet";
    const answer = await fetch(service.httpUrl(summary), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${keys.person}` },
      body: "{}",
    });
    expect(answer.status).toBe(200);
    const { sessionsMax } = settingsFrom({ ...keys.env, ...environment }).policy;
    expect(sessionsMax).toBe(Number(environment.LEASE_SESSIONS_MAX));
  });

  test("has room for all sessions that the service allows, and as many that have ended", async () => {
    await using server = await startRedis(flags());
    await using service = await runService({
      env: { LEASE_STORE_URL: server.url, LEASE_TOKEN_KEY: "k".repeat(32) },
    });
    await holdFastPath(service, "session-0");
    const before = await memoryOf(server);
    const count = 50;
    for (let index = 1; index <= count; index += 1) await holdFastPath(service, `session-${index}`);
    const bytesEach = ((await memoryOf(server)) - before) / count;
    expect(bytesEach).toBeGreaterThan(0);
    const sessions = 2 * Number(environment.LEASE_SESSIONS_MAX);
    expect(bytesEach * sessions).toBeLessThan(bytesOf(flags().maxmemory ?? ""));
  });

  test("answers its health check while it is up", async () => {
    await using server = await startRedis(flags());
    const [, program = "", ...args] = redis.healthcheck.test;
    const ask = () => promisify(execFile)(program, ["-p", String(server.port), ...args]);
    expect((await ask()).stdout).toBe("PONG\n");
    await server.kill();
    await expect(ask()).rejects.toThrow();
  });
});

/** What Redis is started with, by name. */
function flags(): Env {
  const [program, ...words] = redis.command;
  expect(program).toBe("redis-server");
  const names = words.filter((_, index) => index % 2 === 0);
  return Object.fromEntries(
    names.map((name, index) => [name.replace(/^--/, ""), words[2 * index + 1] ?? ""]),
  );
}

async function memoryOf(server: RedisServer): Promise<number> {
  const info = String(await server.command("INFO", "memory"));
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
}

interface Keys extends AsyncDisposable {
  /** As `npm run keys -- --out keys` names them. */
  readonly files: readonly string[];
  readonly env: Env;
  readonly person: string;
}

async function freshKeys(): Promise<Keys> {
  const home = await storeFolder();
  const keys = join(home.path, "keys");
  const whose = { beach: "beach-1", session: "session-1", account: "account-1" };
  const files = await writeKeys({
    ...whose,
    folder: keys,
    scopes: "pb:sessions.read",
    lifeSeconds: 3600,
  });
  const text = (name: string): Promise<string> => readFile(join(keys, name), "utf8");
  return {
    files: files.map((path) => path.replace(`${home.path}/`, "")),
    env: parseEnv(await text("env")) as Env,
    person: await text("person.jwt"),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}
