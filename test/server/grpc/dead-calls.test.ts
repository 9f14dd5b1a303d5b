import { expect, test } from "vitest";

import { Inspector, inspectorEnv } from "../../hostile/judging/inspector.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { spawnService } from "../../support/process/run-service.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const calls = 36_000;
const parts = 12;
const atOnce = 100;
const connectionCount = 8;
const check = "/grpc.health.v1.Health/Check";
/** In bytes of a call. It is about 230, and 2,000 where V8 keeps the streams. */
const keptMax = 1_000;

test("calls that are over are not kept until the next full collection", async () => {
  await using service = await spawnService(inspectorEnv);
  using inspector = await Inspector.attach(service.stderr);
  using callers = new DisposableStack();
  const connections = Array.from({ length: connectionCount }, () =>
    callers.use(new RawHttp2(service.addresses.grpc)),
  );
  const call = async (_: unknown, at: number): Promise<void> => {
    const stream = (connections[at % connectionCount] as RawHttp2).open(check);
    stream.end(enveloped(new Uint8Array()));
    expect((await grpcEnd(stream)).status).toBe("0");
  };
  const callAll = async (count: number): Promise<void> => {
    for (let made = 0; made < count; made += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, call));
    }
  };
  // What V8 learns of the code comes first.
  await callAll(calls);
  await inspector.collect();
  let kept = 0;
  for (let part = 1; part <= parts; part += 1) {
    const before = await inspector.evaluate(oldBytes);
    await callAll(calls / parts);
    // A full collection may come between two looks, and takes back what there was.
    kept += Math.max(0, Number(await inspector.evaluate(oldBytes)) - Number(before));
  }
  expect(kept / calls).toBeLessThan(keptMax);
});

/** What the old generation has in it. */
const oldBytes = `process.getBuiltinModule("node:v8").getHeapSpaceStatistics()
  .find(({ space_name }) => space_name === "old_space").space_used_size`;
