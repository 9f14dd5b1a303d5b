import type { LeaseEvent } from "../event.ts";
import type { EndedLease, Lease, LeaseBook } from "../session.ts";
import { isSameKey } from "./lease-lookup.ts";

/** How many ended leases a book remembers. Older ones are `unknown`. */
export const endedLeasesMax = 64;

/** The leases after an event. Nothing here can reach a handshake. */
export function evolveLeases(book: LeaseBook, event: LeaseEvent): LeaseBook {
  switch (event.kind) {
    case "LeaseGranted":
      return {
        ...book,
        epoch: event.lease.epoch,
        version: book.version + 1,
        live: [...book.live, event.lease],
      };
    case "LeaseExtended": {
      const { expiresAt, ttlMs } = event;
      return change(book, event.leaseId, (lease) => ({ ...lease, expiresAt, ttlMs }));
    }
    case "LeaseRekeyed":
      return change(book, event.leaseId, (lease) => ({
        ...lease,
        tokenHashes: [...lease.tokenHashes, event.tokenHash].slice(-2),
      }));
    case "LeaseEnded": {
      const lease = book.live.find((candidate) => candidate.id === event.leaseId);
      if (lease === undefined) return book;
      const { id, tokenHashes, account, reason } = lease;
      const { endedBy, at: endedAt } = event;
      const ended: EndedLease = { id, tokenHashes, endedBy, endedAt, key: { account, reason } };
      return {
        ...book,
        version: book.version + 1,
        live: book.live.filter((candidate) => candidate !== lease),
        ended: [...book.ended, ended].slice(-endedLeasesMax),
      };
    }
    case "HoldPlaced": {
      const { hold, at } = event;
      const others = book.holds.filter((held) => held.until > at && !sameSubject(held, hold));
      return { ...book, holds: [...others, hold] };
    }
    case "HoldsLifted":
      return { ...book, holds: [] };
  }
}

function change(book: LeaseBook, leaseId: string, to: (lease: Lease) => Lease): LeaseBook {
  return { ...book, live: book.live.map((lease) => (lease.id === leaseId ? to(lease) : lease)) };
}

type Hold = LeaseBook["holds"][number];

function sameSubject(a: Hold, b: Hold): boolean {
  if (a.kind === "session" || b.kind === "session") return a.kind === b.kind;
  return isSameKey(a, b);
}
