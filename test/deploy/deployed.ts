import { readFileSync } from "node:fs";
import { join } from "node:path";

import { budgetTable } from "../../src/budget/budget-table.ts";
import { type Environment, type Settings, toSettings } from "../../src/settings/settings.ts";
import { type Step, stagesOf } from "./dockerfile.ts";

export const root: string = join(import.meta.dirname, "../..");

/** The text of a file by its path from the root of the project. */
export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export type Env = Readonly<Record<string, string>>;

/** What the image sets by itself. */
export function imageEnv(): Env {
  const steps: readonly Step[] = stagesOf(read("src/deploy/Dockerfile")).at(-1)?.steps ?? [];
  return Object.assign({}, ...steps.map((step) => (step.kind === "env" ? step.values : {})));
}

/** What a container is given to verify bearers, where it reads keys from a URL. */
export const verifying: Env = {
  LEASE_AUTH_JWKS_URL: "https://gate.example/jwks.json",
  LEASE_AUTH_ISSUER: "beach-gate",
  LEASE_AUTH_AUDIENCE: "controller-lease",
  LEASE_TOKEN_KEY: "a token key of 32 characters or more",
};

/** What the service makes of an environment; throws all its faults where it would not start. */
export function settingsFrom(env: Environment): Settings {
  const result = toSettings(env);
  if (result.kind === "faults") throw new Error(result.faults.join("\n"));
  return result.settings;
}

/** Ports of the three doors, by the words that files name them with. */
export function portsOf({ grpcListen, httpListen, opsListen }: Settings): {
  readonly grpc: number;
  readonly http: number;
  readonly ops: number;
} {
  return { grpc: grpcListen.port, http: httpListen.port, ops: opsListen.port };
}

/**
 * Memory that a process with all its sessions may come to, in bytes: for each twice the 1 kB of the
 * table of settings, what callers can have it hold, and 200 MB for Node and the code.
 */
export function memoryMaxOf({ policy }: Settings): number {
  const { request_bytes: requests, unread_bytes: unread } = budgetTable;
  return policy.sessionsMax * 2000 + requests.limit + unread.limit + 200e6;
}

const powers = ["", "k", "m", "g"];

/** `1g` of Docker, `1Gi` of Kubernetes and `1gb` of Redis, which mean the same. */
export function bytesOf(size: string): number {
  const [, count, unit = ""] = /^(\d+)([kmg])(?:i|b)?$/i.exec(size) ?? [];
  return Number(count) * 1024 ** powers.indexOf(unit.toLowerCase());
}

export function msOf(duration: string): number {
  return Number(/^(\d+)s$/.exec(duration)?.[1]) * 1000;
}
