import type { SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import { nextTurn } from "../../service/time/next-turn.ts";
import { RecordUnreadable } from "../codec/flat-record.ts";
import { decodeRecord, scanRecord } from "../codec/session-codec.ts";
import { SharedStrings } from "../codec/shared-strings.ts";
import { SessionIndex } from "../session-index.ts";
import { storeCannotOpen } from "../store-cannot-open.ts";
import type { SqliteThread } from "./sqlite-thread.ts";

/** Reads every session of the file; rejects with StoreCannotOpen when it cannot decode one. */
export async function recoverSessions(file: SqliteThread): Promise<SessionIndex> {
  const index = new SessionIndex();
  const shared = new SharedStrings();
  for await (const page of file.pages()) {
    for (const [, id, deadline, text] of page) {
      const record = decode(file.path, id, { text, shared });
      index.restore({ record, text, deadline: deadline ?? undefined });
    }
    // When the next page is already there, the loop would never yield.
    await nextTurn();
  }
  index.listRestored();
  return index;
}

/** How many sessions the file holds; decodes each as {@link recoverSessions} does. */
export async function countSessions(file: SqliteThread): Promise<number> {
  let sessions = 0;
  const shared = new SharedStrings();
  for await (const page of file.pages()) {
    for (const [, id, , text] of page) decode(file.path, id, { text, shared });
    sessions += page.length;
    await nextTurn();
  }
  return sessions;
}

interface Encoded {
  readonly text: string;
  readonly shared: SharedStrings;
}

function decode(path: string, id: SessionId, { text, shared }: Encoded): SessionRecord {
  try {
    const record = scanRecord(text) ?? decodeRecord(text, shared);
    if (record.id !== id) throw new RecordUnreadable(`it is about '${record.id}'`);
    return record;
  } catch (error) {
    if (!(error instanceof RecordUnreadable)) throw error;
    const why = `the record of session '${id}' cannot be read: ${error.message}`;
    throw storeCannotOpen(
      path,
      `${why}; run the version that wrote it, or restore the file`,
      error,
    );
  }
}
