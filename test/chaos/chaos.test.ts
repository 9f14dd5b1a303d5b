import { describe, expect, it } from "vitest";

import { commitSeed } from "../simulation/seeds.ts";
import { hasRedis } from "../support/redis-server.ts";
import { judgeChaos } from "./judge-chaos.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

describe.skipIf(!hasRedis)("replicas and Redis that are killed, paused and cut off", () => {
  it("keep every guarantee through a minute of this commit's seed", async () => {
    const seed = commitSeed();
    const { failure } = await judgeChaos({ seed, minutes: 1, replicas: 3, say });
    expect(failure).toBeUndefined();
  }, 600_000);
});
