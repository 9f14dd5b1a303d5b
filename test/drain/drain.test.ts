import { expect, test } from "vitest";

import { hasOpenssl } from "../support/network/certificates.ts";
import { drainUnder, rightWays } from "./drain-run.ts";

test.skipIf(!hasOpenssl)(
  "a drain tells 1,000 open watch streams, ends each with UNAVAILABLE, and exits with 0",
  async () => {
    const { ways, exitCode } = await drainUnder(500);
    expect(ways.gRPC).toEqual(new Map([[rightWays.gRPC, 500]]));
    expect(ways.Connect).toEqual(new Map([[rightWays.Connect, 500]]));
    // With 0 only if all of it was over in time.
    expect(exitCode).toBe(0);
  },
);
