import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // More than cores: the tests over real WebRTC mostly wait for horizons to pass.
    maxWorkers: 4,
  },
});

export default config;
