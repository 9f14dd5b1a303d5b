import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Gap } from "../../../../src/core/session.ts";
import { FleetGapKeeper } from "../../../../src/service/gaps/fleet-gap-keeper.ts";
import type { ServiceEvent } from "../../../../src/service/service-events.ts";
import type { SharedStore } from "../../../../src/service/session-store.ts";
import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { bucketCount, keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { startTcpProxy, type TcpProxy } from "../../../support/network/tcp-proxy.ts";
import {
  freePort,
  hasRedis,
  type RedisServer,
  startRedis,
} from "../../../support/redis/redis-server.ts";
import { type ManualClock, manualClock, settle } from "../../../support/service/manual-clock.ts";
import { builtAt } from "../../../support/store/store-records.ts";

const id = "session-1";
const { state, gaps } = keysOf(id);
const gap: Gap = { number: 1, from: builtAt, until: builtAt + 5_000, kind: "stall" };

describe.skipIf(!hasRedis)("the gaps of a fleet", () => {
  let server: RedisServer;
  let way: TcpProxy;
  let clock: ManualClock;
  let store: SharedStore;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    way = await startTcpProxy(server.port);
    clock = manualClock(builtAt);
    store = await openRedisStore(`redis://127.0.0.1:${way.port}`, { clock });
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await way[Symbol.asyncDispose]();
  });

  /** A process that has just started, and its events. */
  async function process(through = store) {
    const received: ServiceEvent[] = [];
    const observe = (event: ServiceEvent): void => void received.push(event);
    const keeper = new FleetGapKeeper({ store: through, clock, observe });
    await keeper.start();
    return { keeper, received };
  }

  /** Lets the process send a heartbeat to every bucket, half a second after its last heartbeat. */
  async function heartbeatAll(keeper: FleetGapKeeper): Promise<void> {
    const stop = new AbortController();
    const running = keeper.run(stop.signal);
    await clock.advance(500);
    stop.abort();
    await running;
  }

  test("are reported once, and those before the process started not at all", async () => {
    const first = await process();
    await clock.jump(5_000);
    await first.keeper.catchUp(id);
    expect(first.keeper.gapsOf(id)).toEqual([gap]);
    await heartbeatAll(first.keeper);
    // Of the other buckets it ends with that heartbeat.
    const ofAll = { kind: "gap", gap: { ...gap, until: builtAt + 5_500 }, buckets: bucketCount };
    expect(first.received).toEqual([ofAll]);

    await clock.jump(10);
    const second = await process();
    expect(second.keeper.gapsOf(id)).toEqual([gap]);
    expect(second.received).toEqual([]);

    // As after a failover that lost nothing: the same are read again.
    await server.command("HSET", state, "origin", "another");
    await first.keeper.catchUp(id);
    expect(first.keeper.gapsOf(id)).toEqual([gap]);
    await heartbeatAll(first.keeper);
    expect(first.received.filter(({ kind }) => kind === "gap")).toEqual([ofAll]);
    const lost = new Error("The store may have lost sessions or changes, in 1 of 16 buckets");
    expect(first.received).toContainEqual({
      kind: "failed",
      where: "new incarnation",
      error: lost,
    });
  });

  test("are sent also by a process that ends before its next heartbeat", async () => {
    const { keeper, received } = await process();
    await clock.jump(5_000);
    await keeper.catchUp(id);
    await keeper.run(AbortSignal.abort());
    expect(received).toEqual([{ kind: "gap", gap, buckets: 1 }]);
  });

  test("that a process finds when it starts are reported as one, also when one bucket answers late", async () => {
    const first = await process();
    await clock.jump(5_000);
    await first.keeper.catchUp(id);
    await clock.jump(10);
    const second = await process(answeringLate(store));
    const until = builtAt + 5_010;
    const ofOthers = { ...gap, until, kind: "absence" };
    expect(second.received).toEqual([{ kind: "gap", gap: ofOthers, buckets: bucketCount - 1 }]);
  });

  test("that Redis lost are forgotten, and others with their numbers taken up", async () => {
    const { keeper } = await process();
    await clock.jump(5_000);
    await keeper.catchUp(id);
    expect(keeper.gapsOf(id)).toEqual([gap]);
    // As on a replica that heard of nothing after the first heartbeat.
    await server.command("DEL", gaps);
    await server.command("HSET", state, "gap", "0", "origin", "another", "alive", String(builtAt));
    await clock.jump(5_000);
    await keeper.catchUp(id);
    expect(keeper.gapsOf(id)).toEqual([{ ...gap, until: builtAt + 10_000 }]);
  });

  test("keep no process from starting that cannot reach a bucket yet", async () => {
    way.pointTo(await freePort());
    way.cut();
    await expect.poll(() => isReached(store)).toBe(false);
    const { keeper } = await process();
    expect(keeper.isAway(id)).toBe(true);
    way.pointTo(server.port);
    await expect.poll(() => isReached(store), { timeout: 10_000 }).toBe(true);
    await keeper.catchUp(id);
    expect(keeper.isAway(id)).toBe(false);
  });
});

/** The store, whose first bucket answers a heartbeat when all others have. */
function answeringLate(store: SharedStore): SharedStore {
  const heartbeat: SharedStore["heartbeat"] = async (bucket, heartbeat) => {
    const answer = await store.heartbeat(bucket, heartbeat);
    if (bucket === 0) await settle();
    return answer;
  };
  return new Proxy(store, {
    get: (target, name) => (name === "heartbeat" ? heartbeat : Reflect.get(target, name)),
  });
}

function isReached(store: SharedStore): Promise<boolean> {
  return Promise.resolve(store.load(id)).then(
    () => true,
    () => false,
  );
}
