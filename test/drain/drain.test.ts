import { expect, test } from "vitest";

import { hasOpenssl } from "../support/network/certificates.ts";
import { drainUnder, rightWays } from "./drain-run.ts";

const streamsPerDoor = 300;

test.skipIf(!hasOpenssl)(
  "a drain ends 600 open watch streams with UNAVAILABLE, whichever the door, and exits with 0",
  async () => {
    const { ways, exitCode } = await drainUnder(streamsPerDoor);
    for (const protocol of ["gRPC", "Connect"] as const) {
      const { told, untold } = rightWays[protocol];
      const ended = ways[protocol];
      expect([...ended.keys()].filter((way) => way !== told && way !== untold)).toEqual([]);
      expect((ended.get(told) ?? 0) + (ended.get(untold) ?? 0)).toBe(streamsPerDoor);
    }
    // With 0 only if all of it was over in time.
    expect(exitCode).toBe(0);
  },
);
