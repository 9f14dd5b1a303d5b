import type { BeachId, SessionId } from "../core/ids.ts";
import type { DurationMs } from "../core/time.ts";
import type { Clock } from "./clock.ts";
import type { IdSource } from "./id-source.ts";
import type { WatchMessage, WatchSelection } from "./lease-service.ts";
import type { ServiceObserver } from "./service-events.ts";
import type { ChangeNotice, SessionStore } from "./session-store.ts";
import { WatchReader } from "./watch-reader.ts";

/** The longest silence on a stream, and how often silent readers are looked for. */
const bookmarkEveryMs: DurationMs = 15_000;
const bookmarkCheckMs: DurationMs = 5_000;
/** Reconnections after a drain are spread between these two. */
const reconnectMsMin: DurationMs = 500;
const reconnectMsMax: DurationMs = 5_000;
const page = 500;

interface WatchHubDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly observe: ServiceObserver;
}

/**
 * Streams transport truth: register, then read, then stream. A reader is registered before the
 * current states are read, so that no change falls between the two.
 */
export class WatchHub {
  readonly #deps: WatchHubDeps;
  readonly #readers = new Set<WatchReader>();
  readonly #bySession = new Index<SessionId>();
  readonly #byBeach = new Index<BeachId>();
  readonly #hosts = new Index<SessionId>();
  #draining = false;

  constructor(deps: WatchHubDeps) {
    this.#deps = deps;
  }

  /** A change of a session goes to those that watch it or its private beach. */
  notify({ id, previous, next }: ChangeNotice): void {
    if (previous !== undefined && previous.version === next?.version) return;
    for (const reader of this.#bySession.of(id)) reader.offer(id, next);
    const beachId = next?.beachId ?? previous?.beachId;
    if (beachId === undefined) return;
    for (const reader of this.#byBeach.of(beachId)) reader.offer(id, next);
  }

  isWatched(id: SessionId, beachId: BeachId | undefined): boolean {
    return this.#bySession.has(id) || (beachId !== undefined && this.#byBeach.has(beachId));
  }

  hostWatches(id: SessionId): boolean {
    return this.#hosts.has(id);
  }

  /** Tells every reader to come back later, and ends their streams. */
  drain(): void {
    this.#draining = true;
    for (const reader of this.#readers) reader.wake();
  }

  /** Reminds silent streams of life until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(bookmarkCheckMs, signal);
      const silentSince = clock.now() - (bookmarkEveryMs - bookmarkCheckMs);
      for (const reader of this.#readers) {
        if (reader.sentAt > silentSince) continue;
        reader.bookmarkDue = true;
        reader.wake();
      }
    }
  }

  async *watch(selection: WatchSelection, signal: AbortSignal): AsyncGenerator<WatchMessage> {
    if (signal.aborted) return;
    const reader = new WatchReader(selection.knownVersions, this.#deps.clock.now());
    const leave = this.#register(reader, selection);
    // The generator of a reader that vanished while it was written to may never be resumed.
    signal.addEventListener("abort", leave, { once: true });
    try {
      for await (const batch of this.#snapshots(selection)) {
        for (const { id, record } of batch) reader.offer(id, record);
        yield* this.#tell(reader);
      }
      reader.bookmarkDue = true;
      while (!signal.aborted) {
        yield* this.#tell(reader);
        if (this.#draining) return yield this.#farewell();
        await reader.waitForNews(signal);
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  *#tell(reader: WatchReader): Generator<WatchMessage> {
    for (const message of reader.take()) {
      reader.sentAt = this.#deps.clock.now();
      yield message;
    }
    if (!reader.bookmarkDue) return;
    reader.bookmarkDue = false;
    reader.sentAt = this.#deps.clock.now();
    yield { kind: "bookmark", repeatsEveryMs: bookmarkEveryMs };
  }

  #farewell(): WatchMessage {
    const spread = (reconnectMsMax - reconnectMsMin) * this.#deps.ids.jitter();
    return { kind: "draining", reconnectAfterMs: Math.round(reconnectMsMin + spread) };
  }

  async *#snapshots({ sessions }: WatchSelection): AsyncGenerator<readonly Snapshot[]> {
    const { store } = this.#deps;
    if (sessions.kind === "named") {
      const ids = [...new Set(sessions.ids)];
      yield await Promise.all(ids.map(async (id) => ({ id, record: await store.load(id) })));
      return;
    }
    let after: SessionId | undefined;
    do {
      const records = await store.list({ beachId: sessions.beachId, after, limit: page });
      yield records.map((record) => ({ id: record.id, record }));
      after = records.length < page ? undefined : records.at(-1)?.id;
    } while (after !== undefined);
  }

  #register(reader: WatchReader, { sessions, reader: role }: WatchSelection): () => void {
    const ids = sessions.kind === "named" ? new Set(sessions.ids) : [];
    this.#readers.add(reader);
    for (const id of ids) this.#bySession.add(id, reader);
    if (role === "host") for (const id of ids) this.#hosts.add(id, reader);
    if (sessions.kind === "beach") this.#byBeach.add(sessions.beachId, reader);
    this.#deps.observe({ kind: "watch", change: "opened", open: this.#readers.size });
    return () => {
      reader.wake();
      if (!this.#readers.delete(reader)) return;
      for (const id of ids) this.#bySession.delete(id, reader);
      if (role === "host") for (const id of ids) this.#hosts.delete(id, reader);
      if (sessions.kind === "beach") this.#byBeach.delete(sessions.beachId, reader);
      this.#deps.observe({ kind: "watch", change: "closed", open: this.#readers.size });
    };
  }
}

interface Snapshot {
  readonly id: SessionId;
  readonly record: Awaited<ReturnType<SessionStore["load"]>>;
}

/** Readers under a key; a key without readers is not kept. */
class Index<K> {
  readonly #readers = new Map<K, Set<WatchReader>>();

  of(key: K): Iterable<WatchReader> {
    return this.#readers.get(key) ?? [];
  }

  has(key: K): boolean {
    return this.#readers.has(key);
  }

  add(key: K, reader: WatchReader): void {
    const readers = this.#readers.get(key);
    if (readers === undefined) this.#readers.set(key, new Set([reader]));
    else readers.add(reader);
  }

  delete(key: K, reader: WatchReader): void {
    const readers = this.#readers.get(key);
    readers?.delete(reader);
    if (readers?.size === 0) this.#readers.delete(key);
  }
}
