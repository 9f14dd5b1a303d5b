import { describe, expect, it } from "vitest";
import { hasRedis } from "../support/redis/redis-server.ts";
import { commitSeed } from "../support/runs/seeds.ts";
import { byLength } from "../support/runs/test-length.ts";
import { judgeChaos } from "./judge-chaos.ts";

const minutes = byLength({ short: 0.25, long: 1 });
const say = (line: string): void => void process.stderr.write(`${line}\n`);

describe.skipIf(!hasRedis)("replicas and Redis that are killed, paused and cut off", () => {
  it(`keep every guarantee through ${60 * minutes} s of this commit's seed`, async () => {
    const seed = commitSeed();
    const { failure } = await judgeChaos({ seed, minutes, replicas: 3, say });
    expect(failure).toBeUndefined();
  }, 600_000);
});
