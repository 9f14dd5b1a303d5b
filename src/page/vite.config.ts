import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { defineConfig, type Plugin, type UserConfig } from "vite";

const outDir = join(import.meta.dirname, "../../dist/page");
/** What is smaller fits one packet as it is. */
const worthCompressingBytes = 1400;

/** Compresses each file once, when the page is built, so that no request has to. */
const compressed: Plugin = {
  name: "compressed",
  writeBundle({ dir = outDir }) {
    for (const file of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const path = join(file.parentPath, file.name);
      const bytes = readFileSync(path);
      if (bytes.length < worthCompressingBytes) continue;
      writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      writeFileSync(`${path}.gz`, gzipSync(bytes));
    }
  },
};

/** The page as the public door serves it: from the root of an origin, and with nothing inline. */
const config: UserConfig = defineConfig({
  root: import.meta.dirname,
  plugins: [compressed],
  // Whoever builds it, as a test that packs the package does: React has another build for development.
  oxc: { jsx: { runtime: "automatic", development: false } },
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  build: {
    outDir,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

export default config;
