import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "vite";
import { describe, expect, test } from "vitest";

const client = join(import.meta.dirname, "../../../src/client");
const gzippedBytesMax = 45_000;

interface Bundle {
  readonly gzippedBytes: number;
  /** The files and packages that went into it. */
  readonly modules: readonly string[];
}

/** Bundles an entry for browsers, with everything that it needs but React. */
async function bundle(entry: string): Promise<Bundle> {
  const built = await build({
    root: client,
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      rolldownOptions: {
        input: join(client, entry),
        external: ["react"],
        preserveEntrySignatures: "strict",
      },
    },
  });
  const outputs = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
  const chunks = outputs.filter((output) => output.type === "chunk");
  return {
    gzippedBytes: gzipSync(chunks.map(({ code }) => code).join("")).length,
    modules: chunks.flatMap(({ moduleIds }) => moduleIds),
  };
}

const entries = ["index.ts", "react.ts", "host.ts", "manager.ts", "contract.ts"];

describe.each(entries)("the entry %s", (entry) => {
  test("is small, with everything that it exports and with Connect", async () => {
    const { gzippedBytes, modules } = await bundle(entry);
    expect(gzippedBytes).toBeLessThanOrEqual(gzippedBytesMax);
    expect(modules.some((id) => id.endsWith(entry))).toBe(true);
  });

  test("has nothing of Node in it", async () => {
    const { modules } = await bundle(entry);
    const ofNode = modules.filter((id) => /node:|__vite-browser-external|connect-node/.test(id));
    expect(ofNode).toEqual([]);
  });
});
