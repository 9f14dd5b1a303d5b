import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { startReplicas } from "../support/process/replicas.ts";
import { hasRedis } from "../support/redis/redis-server.ts";
import { contradictionOf, type Facts, liveThrough } from "./answered-facts.ts";
import { connectOver, grpcOver, type RetryingClient } from "./generic-client.ts";

const clientsOfEachKind = 8;
const beforeMs = 2_000;
const afterMs = 3_000;

describe.skipIf(!hasRedis)("kill -9 of one of two replicas under load", () => {
  test("loses nothing that was answered, and its clients move over within their retry", async () => {
    await using replicas = await startReplicas(2);
    const [doomed, survivor] = [replicas.at(0), replicas.at(1)];
    const addresses = [doomed, survivor].map(({ addresses: { grpc } }) => grpc);
    const load = startLoad({
      gRPC: () => grpcOver(addresses),
      Connect: () => connectOver(replicas.httpUrl),
    });
    await delay(beforeMs);
    const killedAt = performance.now();
    await doomed.stop("SIGKILL");
    await delay(afterMs);
    const lives = await load.end();

    for (const [kind, all] of Object.entries(lives)) {
      const calls = all.flatMap(({ calls }) => calls);
      const late = calls.filter(({ endedAt }) => endedAt >= killedAt);
      const longest = Math.max(...late.map(({ startedAt, endedAt }) => endedAt - startedAt));
      process.stdout.write(
        `kill -9 under load, over ${kind}: of ${calls.length} calls none failed; ` +
          `the longest took ${Math.round(longest)} ms with its retries\n`,
      );
      expect(late.length).toBeGreaterThan(clientsOfEachKind);
    }
    const facts = Object.values(lives).flatMap((all) => all.flatMap((life) => life.facts));
    const found = await Promise.all(facts.map((one) => contradictionOf(survivor, one)));
    expect(found.filter((contradiction) => contradiction !== undefined)).toEqual([]);
    expect(facts.filter(({ endedBy }) => endedBy === undefined).length).toBeGreaterThan(10);
  });
});

interface Life {
  readonly facts: Facts[];
  readonly calls: { readonly startedAt: number; readonly endedAt: number }[];
}

interface Load {
  /** What each client of each kind lived through. Rejects when a call failed for good. */
  end(): Promise<Readonly<Record<string, readonly Life[]>>>;
}

function startLoad(kinds: Readonly<Record<string, () => RetryingClient>>): Load {
  const over = new AbortController();
  const run = async (client: RetryingClient): Promise<Life> => {
    using own = client;
    const life: Life = { facts: [], calls: [] };
    while (!over.signal.aborted) await liveThrough(timed(own, life.calls), life.facts);
    return life;
  };
  const running = Object.entries(kinds).map(async ([kind, connect]) => {
    const clients = Array.from({ length: clientsOfEachKind }, connect);
    return [kind, await Promise.all(clients.map(run))] as const;
  });
  const ended = Promise.all(running);
  // What fails before it is asked for is told when it is asked for.
  ended.catch(() => undefined);
  return {
    async end() {
      over.abort();
      return Object.fromEntries(await ended);
    },
  };
}

function timed(client: RetryingClient, calls: Life["calls"]): RetryingClient {
  return {
    ...client,
    async call(method, request) {
      const startedAt = performance.now();
      const answer = await client.call(method, request);
      calls.push({ startedAt, endedAt: performance.now() });
      return answer;
    },
  };
}
