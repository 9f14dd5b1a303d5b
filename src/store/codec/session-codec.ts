import type {
  LastChange,
  Session,
  SessionRecord,
  Tombstone,
  TransportChange,
} from "../../core/session.ts";
import { FlatReader, FlatWriter, RecordUnreadable, Words } from "./flat-record.ts";
import { readLeaseBook, writeLeaseBook } from "./lease-codec.ts";
import type { SharedStrings } from "./shared-strings.ts";
import { readTransport, writeTransport } from "./transport-codec.ts";

/**
 * Rises with every change of what is written. Older versions stay readable: a reader that meets one
 * fills in what that version did not know. A record is written anew when it next changes.
 *
 * 2: the history that a session has taken up, and how far its generations may have come in one
 * that was lost; for how long each word of an end could not be followed by another, in the place of
 * one moment for all of them.
 *
 * 3: the key of a lease that has ended.
 */
const recordVersion = 3;

const kinds = new Words<SessionRecord["kind"]>({ attached: 0, detached: 1 });

const changes = new Words<TransportChange>({
  attached: 0,
  negotiation_started: 1,
  promoted: 2,
  negotiation_abandoned: 3,
  health_changed: 4,
  retired: 5,
  leases_changed: 6,
  detached: 7,
});

/** The record as versioned text. Throws a TypeError on a number that is not finite. */
export function encodeRecord(record: SessionRecord): string {
  const out = new FlatWriter();
  out.number(recordVersion);
  out.word(kinds, record.kind);
  switch (record.kind) {
    case "attached":
      writeSession(out, record);
      break;
    case "detached":
      writeTombstone(out, record);
      break;
  }
  return out.finish();
}

/**
 * The record that was encoded. Records decoded with the same `shared` hold one copy of what they
 * have in common.
 *
 * Throws {@link RecordUnreadable} on a newer version or any damage.
 */
export function decodeRecord(text: string, shared: SharedStrings): SessionRecord {
  const from = new FlatReader(text, shared);
  const version = from.number();
  if (!Number.isInteger(version) || version < 1 || version > recordVersion) {
    throw new RecordUnreadable(
      `it has version ${version}, and this program reads 1 to ${recordVersion}`,
    );
  }
  from.version = version;
  const record = readKind(from);
  from.finish();
  return record;
}

function readKind(from: FlatReader): SessionRecord {
  const kind = from.word(kinds);
  switch (kind) {
    case "attached":
      return readSession(from);
    case "detached":
      return readTombstone(from);
  }
}

function writeSession(out: FlatWriter, session: Session): void {
  out.text(session.id);
  out.repeatedText(session.beachId);
  out.moment(session.knownSince);
  out.number(session.revision);
  out.moment(session.version);
  out.moment(session.activeAt);
  out.number(session.gapsTaken);
  out.number(session.historyTaken);
  writeLeaseBook(out, session.leases);
  writeTransport(out, session.transport);
  writeLastChange(out, session.lastChange);
}

// Here and in the other readers the properties stand in the order in which they were written.
function readSession(from: FlatReader): Session {
  return {
    kind: "attached",
    id: from.text(),
    beachId: from.sharedText(),
    knownSince: from.moment(),
    revision: from.number(),
    version: from.moment(),
    activeAt: from.moment(),
    gapsTaken: from.number(),
    historyTaken: from.version < 2 ? 0 : from.number(),
    leases: readLeaseBook(from),
    transport: readTransport(from),
    lastChange: readLastChange(from),
  };
}

function writeTombstone(out: FlatWriter, tombstone: Tombstone): void {
  out.text(tombstone.id);
  out.repeatedText(tombstone.beachId);
  out.moment(tombstone.knownSince);
  out.number(tombstone.revision);
  out.moment(tombstone.version);
  out.number(tombstone.gapsTaken);
  out.number(tombstone.historyTaken);
  out.moment(tombstone.detachedAt);
  out.repeatedText(tombstone.reason);
  writeLeaseBook(out, tombstone.leases);
  out.number(tombstone.generation);
  out.maybeRepeatedText(tombstone.newestHandshakeId);
}

function readTombstone(from: FlatReader): Tombstone {
  return {
    kind: "detached",
    id: from.text(),
    beachId: from.sharedText(),
    knownSince: from.moment(),
    revision: from.number(),
    version: from.moment(),
    gapsTaken: from.number(),
    historyTaken: from.version < 2 ? 0 : from.number(),
    detachedAt: from.moment(),
    reason: from.sharedText(),
    leases: readLeaseBook(from),
    generation: from.number(),
    newestHandshakeId: from.maybeRepeatedText(),
  };
}

function writeLastChange(out: FlatWriter, { change, reason, at }: LastChange): void {
  out.word(changes, change);
  out.repeatedText(reason);
  out.moment(at);
}

function readLastChange(from: FlatReader): LastChange {
  return { change: from.word(changes), reason: from.sharedText(), at: from.moment() };
}
