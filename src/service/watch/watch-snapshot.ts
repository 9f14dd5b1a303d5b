import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import { type SessionStore, SessionUnreadable } from "../session-store.ts";
import { fewStates } from "./waiting-states.ts";
import type { WatchReader } from "./watch-reader.ts";

/** Sessions of a private beach that are read in one part of a turn. */
const page = 100;

/**
 * The states at the beginning of a watch, offered page by page at the reader's pace. Changes in
 * between reach the reader by themselves, and the newer of the two counts.
 */
export class WatchSnapshot {
  readonly #store: SessionStore;
  readonly #reader: WatchReader;
  readonly #pages: AsyncGenerator<void>;
  #isRead = false;

  constructor(store: SessionStore, reader: WatchReader) {
    const { sessions } = reader;
    this.#store = store;
    this.#reader = reader;
    this.#pages =
      sessions.kind === "named" ? this.#named(sessions.ids) : this.#beach(sessions.beachId);
  }

  /** How many sessions it reads next, at most. */
  get part(): number {
    return this.#reader.sessions.kind === "named" ? fewStates : page;
  }

  get isRead(): boolean {
    return this.#isRead;
  }

  /** Offers the next page. After the last one, the versions that the reader named are dropped. */
  async readOn(): Promise<void> {
    const { done = false } = await this.#pages.next();
    if (done) this.#reader.forgetKnown();
    this.#isRead = done;
  }

  async *#named(ids: readonly SessionId[]): AsyncGenerator<void> {
    for (let from = 0; from < ids.length; from += fewStates) {
      for (const { id, found } of await this.#loadAll(ids.slice(from, from + fewStates))) {
        // The reader keeps what it has.
        if (found === "unreadable" && this.#reader.has(id)) continue;
        this.#reader.offer(id, found === "unreadable" ? undefined : found);
      }
      yield;
    }
  }

  async *#beach(beachId: BeachId): AsyncGenerator<void> {
    const here = new Set<SessionId>();
    let after: SessionId | undefined;
    do {
      const records = await this.#store.list({ beachId, after, limit: page, isWatched: true });
      for (const record of records) {
        here.add(record.id);
        this.#reader.offer(record.id, record);
      }
      yield;
      after = records.length < page ? undefined : records.at(-1)?.id;
    } while (after !== undefined);
    yield* this.#leftMeanwhile(beachId, here);
  }

  /**
   * Sessions that the reader still has and that left the beach while it was away. A session of
   * another beach counts as unknown here.
   */
  async *#leftMeanwhile(beachId: BeachId, here: ReadonlySet<SessionId>): AsyncGenerator<void> {
    const left = this.#reader.held.filter((id) => !here.has(id));
    for (let from = 0; from < left.length; from += page) {
      const ids = left.slice(from, from + page);
      for (const { id, found } of await this.#loadAll(ids)) {
        if (found === "unreadable") continue;
        this.#reader.offer(id, found?.beachId === beachId ? found : undefined);
      }
      yield;
    }
  }

  #loadAll(ids: readonly SessionId[]): Promise<readonly Loaded[]> {
    return Promise.all(ids.map(async (id) => ({ id, found: await this.#load(id) })));
  }

  async #load(id: SessionId): Promise<Loaded["found"]> {
    try {
      return await this.#store.load(id);
    } catch (error) {
      if (error instanceof SessionUnreadable) return "unreadable";
      throw error;
    }
  }
}

interface Loaded {
  readonly id: SessionId;
  readonly found: SessionRecord | undefined | "unreadable";
}
