import { chmod, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { expect, test, vi } from "vitest";

import { readEnv } from "../../src/settings/read-env.ts";
import { keepCallersOn } from "../support/process/cores.ts";
import { storeFolder } from "../support/store/store-files.ts";

/** Stands for a `taskset` that complains as long as `complaints` say, and keeps its arguments. */
function program(complaints: string, runs: string): string {
  return `#!/bin/sh
echo "$@" >> "${runs}"
[ "$(wc -l < "${runs}")" -gt ${complaints} ] || { echo "taskset: failed to set pid 7's affinity: $WHY" >&2; exit 1; }
`;
}

test.each([
  ["No such process", 3],
  ["Operation not permitted", 1],
])(
  "callers whose core cannot be set, since %s, are told to taskset %i times",
  async (why, times) => {
    await using folder = await storeFolder();
    const runs = join(folder.path, "runs");
    await writeFile(join(folder.path, "taskset"), program("2", runs));
    await chmod(join(folder.path, "taskset"), 0o755);
    vi.stubEnv("PATH", [folder.path, readEnv().PATH].join(delimiter));
    vi.stubEnv("WHY", why);
    const keep = () => keepCallersOn({ server: 0, callers: 1 });
    if (times > 1) keep();
    else expect(keep).toThrow(why);
    vi.unstubAllEnvs();
    const ran = (await readFile(runs, "utf8")).trimEnd().split("\n");
    expect(ran).toEqual(Array(times).fill(`-a -c -p 1 ${process.pid}`));
  },
);
