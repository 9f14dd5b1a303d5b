import { readFileSync } from "node:fs";

import { FileFailure } from "../failure.ts";

/** The text of the file that an option names. Throws {@link FileFailure}. */
export function readText(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const what = `${option} ${path} cannot be read (${code})`;
    throw new FileFailure(`${what}: name a file that you may read`, { cause });
  }
}
