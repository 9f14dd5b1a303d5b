import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // More than cores: the tests over real WebRTC mostly wait for horizons to pass.
    maxWorkers: 4,
    // What hangs fails in the end; what is only slow on a busy machine does not.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
