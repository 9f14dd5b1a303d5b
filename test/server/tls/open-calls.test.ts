import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { expect, test } from "vitest";

import { hasOpenssl } from "../../support/network/certificates.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { grpcEnd } from "../raw/raw-http2.ts";
import { runSecure } from "./secure-service.ts";

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;

const keepAlive = "/beach.controller.v1.ControllerLease/KeepAlive";
const renew = "/beach.controller.v1.ControllerLease/Renew";
const calls = 500;
/** Its caller is in this process, too. */
const bytesEachMax = 16_000;

function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test.skipIf(!hasOpenssl)(
  "a call of gRPC that is open at the public door holds little",
  async () => {
    await using service = await runSecure();
    using raw = service.http2();
    const open = async (count: number): Promise<void> => {
      for (let opened = 0; opened < count; opened += 1) raw.open(keepAlive);
      // Begun behind them.
      const last = raw.open(renew);
      last.end(enveloped(Buffer.alloc(0)));
      await grpcEnd(last);
    };
    // What the first ones need is made once.
    await open(100);
    const before = heldBytes();
    await open(calls);
    expect((heldBytes() - before) / calls).toBeLessThan(bytesEachMax);
  },
);
