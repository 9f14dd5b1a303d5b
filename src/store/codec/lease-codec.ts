import type { EndedLease, Hold, Lease, LeaseBook, LeaseEnd, LeaseKey } from "../../core/session.ts";
import { type FlatReader, type FlatWriter, Words } from "./flat-record.ts";

const leaseEnds = new Words<LeaseEnd>({ expired: 0, released: 1, revoked: 2, detached: 3 });
const holdKinds = new Words<Hold["kind"]>({ session: 0, lease: 1 });

export function writeLeaseBook(out: FlatWriter, book: LeaseBook): void {
  out.moment(book.epoch);
  out.moment(book.version);
  out.list(book.live, writeLease);
  out.list(book.ended, writeEndedLease);
  out.list(book.holds, writeHold);
}

export function readLeaseBook(from: FlatReader): LeaseBook {
  return {
    epoch: from.moment(),
    version: from.moment(),
    live: from.list(readLease),
    ended: from.list(readEndedLease),
    holds: from.list(readHold),
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

function readLease(from: FlatReader): Lease {
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
  out.maybe(lease.key, writeLeaseKey);
}

function readEndedLease(from: FlatReader): EndedLease {
  return {
    id: from.text(),
    tokenHashes: from.list(readText),
    endedBy: from.word(leaseEnds),
    endedAt: from.moment(),
    key: from.version < 3 ? undefined : from.maybe(readLeaseKey),
  };
}

function writeLeaseKey(out: FlatWriter, { account, reason }: LeaseKey): void {
  out.repeatedText(account);
  out.repeatedText(reason);
}

function readLeaseKey(from: FlatReader): LeaseKey {
  return { account: from.sharedText(), reason: from.sharedText() };
}

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

function readHold(from: FlatReader): Hold {
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

function readText(from: FlatReader): string {
  return from.text();
}
