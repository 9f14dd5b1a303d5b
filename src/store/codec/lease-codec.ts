import type { EndedLease, Hold, Lease, LeaseBook, LeaseEnd, LeaseKey } from "../../core/session.ts";
import { type AddedField, type Part, part } from "./added-fields.ts";
import type { RecordReader } from "./flat-reader.ts";
import { type FlatWriter, RecordUnreadable, Words } from "./flat-record.ts";

const leaseEnds = new Words<LeaseEnd>(
  { expired: 0, released: 1, revoked: 2, detached: 3 },
  "revoked",
);
const holdKinds = new Words<Hold["kind"]>({ session: 0, lease: 1 });

function writeLeaseBook(out: FlatWriter, book: LeaseBook): void {
  out.moment(book.epoch);
  out.moment(book.version);
  out.list(book.live, lease.write);
  out.list(book.ended, endedLease.write);
  out.list(book.holds, hold.write);
}

function readLeaseBook(from: RecordReader): LeaseBook {
  return {
    epoch: from.moment(),
    version: from.moment(),
    live: from.list(lease.read),
    ended: from.list(endedLease.read),
    holds: from.list(hold.read),
  };
}

function writeLease(out: FlatWriter, lease: Lease): void {
  out.text(lease.id);
  out.repeatedText(lease.account);
  out.repeatedText(lease.reason);
  out.moment(lease.epoch);
  out.list(lease.tokenHashes, writeText);
  out.number(lease.ttlMs);
  out.moment(lease.expiresAt);
}

function readLease(from: RecordReader): Lease {
  return {
    id: from.text(),
    account: from.sharedText(),
    reason: from.sharedText(),
    epoch: from.moment(),
    tokenHashes: from.list(readText),
    ttlMs: from.number(),
    expiresAt: from.moment(),
  };
}

function writeEndedLease(out: FlatWriter, lease: EndedLease): void {
  out.text(lease.id);
  out.list(lease.tokenHashes, writeText);
  out.word(leaseEnds, lease.endedBy);
  out.moment(lease.endedAt);
}

function readEndedLease(from: RecordReader, { key }: Pick<EndedLease, "key">): EndedLease {
  return {
    id: from.text(),
    tokenHashes: from.list(readText),
    endedBy: from.word(leaseEnds),
    endedAt: from.moment(),
    key,
  };
}

/** Of a lease that ended: earlier versions did not record it. */
const keyOfEnded: AddedField<LeaseKey | undefined> = {
  absent: undefined,
  write: (key) => (key === undefined ? null : [key.account, key.reason]),
  read(json, shared) {
    const [account, reason] = Array.isArray(json) ? json : [];
    if (typeof account === "string" && typeof reason === "string") {
      return { account: shared(account), reason: shared(reason) };
    }
    throw new RecordUnreadable("the key of an ended lease was expected as two texts");
  },
};

function writeHold(out: FlatWriter, hold: Hold): void {
  out.word(holdKinds, hold.kind);
  out.moment(hold.until);
  switch (hold.kind) {
    case "session":
      break;
    case "lease":
      out.repeatedText(hold.account);
      out.repeatedText(hold.reason);
      break;
  }
}

function readHold(from: RecordReader): Hold {
  const kind = from.word(holdKinds);
  const until = from.moment();
  switch (kind) {
    case "session":
      return { kind, until };
    case "lease":
      return { kind, until, account: from.sharedText(), reason: from.sharedText() };
  }
}

// Token hashes are unique: keeping one copy of each would only fill the shared strings.
function writeText(out: FlatWriter, text: string): void {
  out.text(text);
}

function readText(from: RecordReader): string {
  return from.text();
}

const lease: Part<Lease> = part({}, writeLease, readLease);
const endedLease: Part<EndedLease> = part({ key: keyOfEnded }, writeEndedLease, readEndedLease);
const hold: Part<Hold> = part({}, writeHold, readHold);
export const leaseBook: Part<LeaseBook> = part({}, writeLeaseBook, readLeaseBook);
