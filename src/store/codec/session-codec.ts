import type {
  LastChange,
  Session,
  SessionRecord,
  Tombstone,
  TransportChange,
} from "../../core/session.ts";
import { addedMoment, addedNumber, type Part, part } from "./added-fields.ts";
import { FlatReader, type RecordReader } from "./flat-reader.ts";
import { FlatWriter, RecordUnreadable, Words } from "./flat-record.ts";
import { FlatScan } from "./flat-scan.ts";
import { leaseBook } from "./lease-codec.ts";
import type { SharedStrings } from "./shared-strings.ts";
import { transport } from "./transport-codec.ts";

/**
 * Older versions stay readable: a reader that meets one fills in what that version did not know. A
 * record is written anew when it next changes.
 *
 * 2: the incarnation that a session has taken up, and how far its generations may have come in one
 * that was lost; how long gaps have lasted since each report, in place of one moment for all of
 * them.
 *
 * 3: fields that were added since, by name, see {@link part}. A record without any is written as 2,
 * which processes of the version before can read as well.
 *
 * A new field needs no new version. If one is needed, the previous version must be able to read it:
 * processes of both share a store during a rolling upgrade, and again during a rollback.
 */
const recordVersion = 3;
const recordVersionOfNothingAdded = 2;
const recordVersionMax = recordVersion + 1;

const kinds = new Words<SessionRecord["kind"]>({ attached: 0, detached: 1 });

const changes = new Words<TransportChange>(
  {
    attached: 0,
    negotiation_started: 1,
    promoted: 2,
    negotiation_abandoned: 3,
    health_changed: 4,
    retired: 5,
    leases_changed: 6,
    detached: 7,
  },
  "health_changed",
);

/** The record as versioned text. Throws a TypeError on a number that is not finite. */
export function encodeRecord(record: SessionRecord): string {
  const out = new FlatWriter();
  out.word(kinds, record.kind);
  switch (record.kind) {
    case "attached":
      session.write(out, record);
      break;
    case "detached":
      tombstone.write(out, record);
      break;
  }
  return out.finish(out.hasAdded ? recordVersion : recordVersionOfNothingAdded);
}

/**
 * The record that was encoded. Records decoded with the same `shared` hold one copy of what they
 * have in common.
 *
 * Throws {@link RecordUnreadable} on a version that is newer still or any damage.
 */
export function decodeRecord(text: string, shared: SharedStrings): SessionRecord {
  return read(new FlatReader(text, shared));
}

/**
 * The same record, in half the time, for a look in passing: what is kept of it keeps all of the
 * text in memory. Undefined where only {@link decodeRecord} can tell what the text holds.
 */
export function scanRecord(text: string): SessionRecord | undefined {
  try {
    return read(new FlatScan(text));
  } catch (error) {
    if (error instanceof RecordUnreadable) return undefined;
    throw error;
  }
}

function read(from: RecordReader): SessionRecord {
  const version = from.number();
  if (!Number.isInteger(version) || version < 1 || version > recordVersionMax) {
    throw new RecordUnreadable(
      `it has version ${version}, and this program reads 1 to ${recordVersionMax}`,
    );
  }
  from.version = version;
  const record = readKind(from);
  from.finish();
  return record;
}

function readKind(from: RecordReader): SessionRecord {
  const kind = from.word(kinds);
  switch (kind) {
    case "attached":
      return session.read(from);
    case "detached":
      return tombstone.read(from);
  }
}

function writeSession(out: FlatWriter, one: Session): void {
  out.text(one.id);
  out.repeatedText(one.beachId);
  out.moment(one.knownSince);
  out.number(one.revision);
  out.moment(one.version);
  out.moment(one.activeAt);
  out.number(one.gapsTaken);
  out.number(one.incarnation);
  leaseBook.write(out, one.leases);
  transport.write(out, one.transport);
  lastChange.write(out, one.lastChange);
}

// Here and in the other readers the properties stand in the order in which they were written.
function readSession(from: RecordReader, { missedSince }: Pick<Session, "missedSince">): Session {
  return {
    kind: "attached",
    id: from.text(),
    beachId: from.sharedText(),
    knownSince: from.moment(),
    revision: from.number(),
    version: from.moment(),
    activeAt: from.moment(),
    gapsTaken: from.number(),
    incarnation: from.version < 2 ? 0 : from.number(),
    leases: leaseBook.read(from),
    transport: transport.read(from),
    missedSince,
    lastChange: lastChange.read(from),
  };
}

function writeTombstone(out: FlatWriter, one: Tombstone): void {
  out.text(one.id);
  out.repeatedText(one.beachId);
  out.moment(one.knownSince);
  out.number(one.revision);
  out.moment(one.version);
  out.number(one.gapsTaken);
  out.number(one.incarnation);
  out.moment(one.detachedAt);
  out.repeatedText(one.reason);
  leaseBook.write(out, one.leases);
  out.number(one.generation);
  out.maybeRepeatedText(one.newestHandshakeId);
}

function readTombstone(
  from: RecordReader,
  { generationFloor }: Pick<Tombstone, "generationFloor">,
): Tombstone {
  return {
    kind: "detached",
    id: from.text(),
    beachId: from.sharedText(),
    knownSince: from.moment(),
    revision: from.number(),
    version: from.moment(),
    gapsTaken: from.number(),
    incarnation: from.version < 2 ? 0 : from.number(),
    detachedAt: from.moment(),
    reason: from.sharedText(),
    leases: leaseBook.read(from),
    generation: from.number(),
    generationFloor,
    newestHandshakeId: from.maybeRepeatedText(),
  };
}

function writeLastChange(out: FlatWriter, { change, reason, at }: LastChange): void {
  out.word(changes, change);
  out.repeatedText(reason);
  out.moment(at);
}

function readLastChange(from: RecordReader): LastChange {
  return { change: from.word(changes), reason: from.sharedText(), at: from.moment() };
}

const lastChange: Part<LastChange> = part({}, writeLastChange, readLastChange);
const session: Part<Session> = part({ missedSince: addedMoment }, writeSession, readSession);
const tombstone: Part<Tombstone> = part(
  { generationFloor: addedNumber(0) },
  writeTombstone,
  readTombstone,
);
