import { join } from "node:path";

import { defineConfig, type UserConfig } from "vite";

/** The page as the public door serves it: from the root of an origin, and with nothing inline. */
const config: UserConfig = defineConfig({
  root: import.meta.dirname,
  // Whoever builds it, as a test that packs the package does: React has another build for development.
  oxc: { jsx: { runtime: "automatic", development: false } },
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  build: {
    outDir: join(import.meta.dirname, "../../dist/page"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

export default config;
