import { join } from "node:path";

import { defineConfig, type ViteUserConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes longest, beginning with it; those that wait and those that work side by side. */
const longest = [
  "test/e2e/renewal",
  "test/walk/walk",
  "test/hostile/hostile",
  "test/chaos/",
  "test/watch/size",
  "test/e2e/replicas",
  "test/client/real-service",
  "test/crash/",
  "test/deploy/dockerfile",
  "test/e2e/restart",
  "test/browser/pong/",
  "test/demo/process",
  "test/fuzz/",
  "test/browser/operators",
  "test/e2e/replacement",
  "test/simulation/",
  "test/replicas/",
  "test/server/process/process",
];

/** None of them is left to run alone at the end, also where nothing is known of a run before. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = longest.findIndex((path) => moduleId.includes(path));
      return found < 0 ? longest.length : found;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => place(a) - place(b));
  }
}

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // More than cores: the tests over real WebRTC mostly wait for horizons to pass.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // What hangs fails in the end; what is only slow on a busy machine does not.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    // Hundreds of processes are started, and half of what each costs is to compile the same files.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/node") },
  },
});

export default config;
