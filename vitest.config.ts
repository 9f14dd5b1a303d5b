import { join } from "node:path";

import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // More than cores: the tests over real WebRTC mostly wait for horizons to pass.
    maxWorkers: 4,
    // What hangs fails in the end; what is only slow on a busy machine does not.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Hundreds of processes are started, and half of what each costs is to compile the same files.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/node") },
  },
});

export default config;
