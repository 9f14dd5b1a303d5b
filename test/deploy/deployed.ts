import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type Environment, type Settings, toSettings } from "../../src/settings/settings.ts";

export const root: string = join(import.meta.dirname, "../..");

/** The text of a file by its path from the root of the project. */
export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

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
