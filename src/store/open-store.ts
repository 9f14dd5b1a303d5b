import type { DurationMs } from "../core/time.ts";
import type { SessionStore, StoreFailure } from "../service/session-store.ts";
import { type Clock, steeredClock, systemClock } from "../service/time/clock.ts";
import { memoryStore } from "./memory-store.ts";
import { withoutPassword } from "./redis/link/redis-check.ts";
import { openRedisStore } from "./redis/open-redis-store.ts";
import { type FileSeen, lookAtFile } from "./sqlite/look-at-file.ts";
import { openSqliteStore } from "./sqlite/sqlite-store.ts";

/** Where sessions live. */
export type StorePlace =
  | { readonly kind: "memory" }
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "redis"; readonly url: string };

export interface OpenStoreOptions {
  /** Replaces the system's clock, which follows the store's. */
  readonly clock: Clock | undefined;
  /** How long to wait for another process that holds a file; 15 s. */
  readonly lockWaitMs: DurationMs | undefined;
  /** Called when it waits for such a process, with the longest wait. */
  readonly onLockWait: (path: string, remainingMs: DurationMs) => void;
  /** How long to wait for a Redis that does not answer yet. */
  readonly redisWaitMs: DurationMs;
  /** Called every few seconds while it waits, with the reason and the longest wait. */
  readonly onRedisWait: (why: string, remainingMs: DurationMs) => void;
  /** How many replicas of Redis must have a change before it is answered. */
  readonly acknowledgements: number;
  /** Called with failures of the store that no call reports. */
  readonly onFailure: (failure: StoreFailure) => void;
}

/** A store, and a clock for its users that is never behind a moment that the store has recorded. */
export interface OpenedStore {
  readonly store: SessionStore;
  readonly clock: Clock;
}

/** Opens the store at a place. Rejects with StoreCannotOpen, whose message says what would help. */
export async function openStore(
  place: StorePlace,
  options: OpenStoreOptions,
): Promise<OpenedStore> {
  const { clock, acknowledgements, onFailure } = options;
  switch (place.kind) {
    case "memory":
      return { store: memoryStore(), clock: clock ?? systemClock() };
    case "sqlite":
      return openFile(place.path, options);
    case "redis": {
      const shared = clock ?? steeredClock(systemClock());
      const store = await openRedisStore(place.url, {
        clock: shared,
        acknowledgements,
        waitMs: options.redisWaitMs,
        onWait: options.onRedisWait,
        onFailure,
      });
      return { store, clock: shared };
    }
  }
}

async function openFile(path: string, options: OpenStoreOptions): Promise<OpenedStore> {
  const { lockWaitMs } = options;
  const own = systemClock();
  const clock = options.clock ?? own;
  const store = await openSqliteStore(path, {
    clock,
    createFolder: true,
    onLockWait: (remainingMs) => options.onLockWait(path, remainingMs),
    ...(lockWaitMs !== undefined && { lockWaitMs }),
  });
  // A gap may be on record whose end is later than the last moment alive.
  own.beginAt(Math.max((await store.lastAlive()) ?? 0, (await store.gaps()).at(-1)?.until ?? 0));
  return { store, clock };
}

/** What is at a place, without opening it for use. */
export type StoreSeen =
  | { readonly kind: "memory" }
  | { readonly kind: "file"; readonly seen: FileSeen }
  | { readonly kind: "redis" };

/**
 * Looks at a place as a start would, without waiting, and changes nothing there. Rejects with
 * StoreCannotOpen where a start would.
 */
export async function lookAtStore(
  place: StorePlace,
  { acknowledgements }: Pick<OpenStoreOptions, "acknowledgements">,
): Promise<StoreSeen> {
  const clock = systemClock();
  switch (place.kind) {
    case "memory":
      return { kind: "memory" };
    case "sqlite":
      return { kind: "file", seen: await lookAtFile(place.path, clock) };
    case "redis": {
      await using _store = await openRedisStore(place.url, { clock, acknowledgements });
      return { kind: "redis" };
    }
  }
}

/** The place in a few words, as a log may show it. */
export function placeName(place: StorePlace): string {
  switch (place.kind) {
    case "memory":
      return "memory";
    case "sqlite":
      return place.path;
    case "redis":
      return withoutPassword(place.url);
  }
}
