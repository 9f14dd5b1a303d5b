import type { DurationMs } from "../../core/time.ts";
import type { SharedStore, StoreFailure } from "../../service/session-store.ts";
import type { Clock, SteeredClock } from "../../service/time/clock.ts";
import { redisAddress } from "./link/redis-address.ts";
import { RedisCalls } from "./link/redis-calls.ts";
import { cannotOpenRedis, checkServer, mayPass } from "./link/redis-check.ts";
import { openRedisLink, type RedisLink } from "./link/redis-link.ts";
import { RedisStore } from "./redis-store.ts";

export interface RedisStoreOptions {
  /**
   * Follows the server's clock, if it can be steered, so that all processes share one service time.
   */
  readonly clock: Clock | SteeredClock;
  /** How many replicas of the server must have a change before it is answered; 0. */
  readonly acknowledgements?: number;
  /** How long to wait for a server that does not answer yet, or is not ready; 0. */
  readonly waitMs?: DurationMs;
  /** Called every few seconds while it waits, with the reason and the longest wait. */
  readonly onWait?: (why: string, remainingMs: DurationMs) => void;
  /** Called with failures that no call reports, such as an unreadable record, once for each. */
  readonly onFailure?: (failure: StoreFailure) => void;
}

/** An attempt that takes longer is given up, so that the reason is shown. */
const openMs: DurationMs = 5_000;
const retryMs: DurationMs = 500;
const waitSaidEveryMs: DurationMs = 5_000;

/**
 * Connects to Redis (at least 7), a single server or a cluster.
 *
 * Rejects with StoreCannotOpen, whose message says what would help.
 */
export async function openRedisStore(
  url: string,
  options: RedisStoreOptions,
): Promise<SharedStore> {
  const { clock, waitMs = 0, onWait } = options;
  const startedAt = clock.now();
  let sayAt = startedAt;
  for (;;) {
    try {
      return await openNow(url, options);
    } catch (error) {
      const now = clock.now();
      const remainingMs = startedAt + waitMs - now;
      if (remainingMs <= 0 || !mayPass(error)) throw cannotOpenRedis(url, error);
      if (now >= sayAt) {
        onWait?.(cannotOpenRedis(url, error).message, remainingMs);
        sayAt = now + waitSaidEveryMs;
      }
    }
    await clock.sleep(retryMs, new AbortController().signal);
  }
}

async function openNow(url: string, options: RedisStoreOptions): Promise<SharedStore> {
  const { clock, acknowledgements = 0, onFailure = () => {} } = options;
  const calls = new RedisCalls(await openLink(url, clock), clock);
  const { database } = redisAddress(url);
  const store = new RedisStore({ calls, clock, database, acknowledgements, onFailure });
  try {
    await store.start();
    return store;
  } catch (error) {
    await calls[Symbol.asyncDispose]();
    throw error;
  }
}

async function openLink(url: string, clock: Clock): Promise<RedisLink> {
  const opening = new AbortController();
  const late = clock.sleep(openMs, opening.signal).then(() => {
    throw new Error(`no answer within ${openMs} ms`);
  });
  const opened = openRedisLink(url, checkServer, opening.signal);
  try {
    return await Promise.race([opened, late]);
  } catch (error) {
    closeOnceOpen(opened);
    throw error;
  } finally {
    late.catch(() => {});
    opening.abort();
  }
}

/** Nobody uses a link that opens after its attempt was given up. */
function closeOnceOpen(opened: Promise<RedisLink>): void {
  opened.then(
    (link) => link[Symbol.asyncDispose](),
    () => {},
  );
}
