import type { Environment } from "./settings.ts";

/** The environment of this process; nothing else reads it. */
export function readEnv(): Environment {
  return { ...process.env };
}
