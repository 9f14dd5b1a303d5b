import { LRUCache } from "lru-cache";

import type { SessionId } from "../../../core/ids.ts";
import type { SessionRecord } from "../../../core/session.ts";
import { SessionUnreadable } from "../../../service/session-store.ts";
import { RecordUnreadable } from "../../codec/flat-record.ts";
import { decodeRecord } from "../../codec/session-codec.ts";
import { SharedStrings } from "../../codec/shared-strings.ts";
import { CallRefused } from "../link/redis-fault.ts";

/** How many sessions are remembered as reported. */
const reportedMax = 1_000;

/** Reads the records of sessions, and reports each unreadable one once. */
export class RedisRecords {
  readonly #strings = new SharedStrings();
  readonly #reported = new LRUCache<SessionId, string>({ max: reportedMax });
  readonly #onUnreadable: (fault: SessionUnreadable) => void;

  constructor(onUnreadable: (fault: SessionUnreadable) => void) {
    this.#onUnreadable = onUnreadable;
  }

  /** @param text what the server answered; anything but text when it holds nothing */
  read(id: SessionId, text: unknown): SessionRecord | undefined {
    if (typeof text !== "string") return undefined;
    try {
      const record = decodeRecord(text, this.#strings);
      if (record.id !== id) throw new RecordUnreadable(`it is about '${record.id}'`);
      this.#reported.delete(id);
      return record;
    } catch (error) {
      throw this.#asUnreadable(id, error);
    }
  }

  /** Settles like the call. A fault of the record concerns this session alone. */
  async call<T>(id: SessionId, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      throw this.#asUnreadable(id, error);
    }
  }

  #asUnreadable(id: SessionId, error: unknown): unknown {
    if (!(error instanceof RecordUnreadable || error instanceof CallRefused)) return error;
    const fault = new SessionUnreadable(id, error.message, { cause: error });
    if (this.#reported.get(id) !== error.message) this.#onUnreadable(fault);
    this.#reported.set(id, error.message);
    return fault;
  }
}
