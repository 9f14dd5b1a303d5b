import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

import { expect, test } from "vitest";

import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { hasRedis, startRedis } from "../../../support/redis/redis-server.ts";
import { manualClock } from "../../../support/service/manual-clock.ts";

test.skipIf(!hasRedis)(
  "a connection that opens after its attempt was given up is closed",
  async () => {
    await using server = await startRedis();
    const proxy = createServer().listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo;
    const clock = manualClock();

    const opening = openRedisStore(`redis://127.0.0.1:${port}`, { clock });
    const [near] = (await once(proxy, "connection")) as [Socket];
    const refused = expect(opening).rejects.toThrow("no answer within 5000 ms");
    await clock.advance(5_000);
    await refused;

    const far = connect(server.port, "127.0.0.1");
    near.pipe(far).pipe(near);
    await once(near, "close");
    proxy.close();
    expect(near.destroyed).toBe(true);
  },
  10_000,
);
