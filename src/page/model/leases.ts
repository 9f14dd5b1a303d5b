import { timestampMs } from "@bufbuild/protobuf/wkt";

import type { Lease } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { msOf } from "./moments.ts";
import type { Mark } from "./timeline.ts";

/** A lease as the page shows it. */
export interface LeaseView {
  readonly leaseId: string;
  /** Empty for a lease without an account. */
  readonly accountId: string;
  readonly reason: string;
  readonly epoch: bigint;
  /** On the page's clock. */
  readonly expiresAtMs: number;
  /** On the service's clock, by which a renewal is known from a repeated answer. */
  readonly serviceExpiresAtMs: number;
  /** The longest time that was seen to remain: what a countdown is drawn against. */
  readonly fullMs: number;
  /** Renewals that the page has seen. */
  readonly renewals: number;
}

/** When leases were listed, and whether an expiry that moved since the last time was renewed. */
export interface ListedAt {
  readonly nowMs: number;
  readonly countsRenewals: boolean;
}

/** What an answer of ListSessions says of one session's leases, against what was known. */
export interface LeasesSeen {
  readonly leases: readonly LeaseView[];
  readonly renewals: number;
  readonly marks: readonly Mark[];
}

/** One instant may read so much differently in two answers, when a clock is stepped. */
const sameInstantMs = 200;

/** @param known undefined at the first sight of the session: then nothing is news */
export function seeLeases(
  known: readonly LeaseView[] | undefined,
  listed: readonly Lease[],
  at: ListedAt,
): LeasesSeen {
  const { nowMs } = at;
  const before = new Map((known ?? []).map((lease) => [lease.leaseId, lease]));
  const marks: Mark[] = [];
  let renewals = 0;
  const leases = listed.map((lease) => {
    const earlier = before.get(lease.leaseId);
    before.delete(lease.leaseId);
    const view = viewOf(lease, earlier, at);
    if (earlier === undefined && known !== undefined) marks.push({ kind: "granted", atMs: nowMs });
    if (earlier !== undefined && view.renewals > earlier.renewals) {
      renewals += 1;
      marks.push({ kind: "renewed", atMs: nowMs });
    }
    return view;
  });
  for (const _ of before) marks.push({ kind: "ended", atMs: nowMs });
  return { leases, renewals, marks };
}

function viewOf(
  lease: Lease,
  earlier: LeaseView | undefined,
  { nowMs, countsRenewals }: ListedAt,
): LeaseView {
  const remainingMs = msOf(lease.expiresIn) ?? 0;
  const serviceExpiresAtMs =
    lease.expiresAt === undefined ? nowMs + remainingMs : timestampMs(lease.expiresAt);
  const isRenewed =
    countsRenewals &&
    earlier !== undefined &&
    serviceExpiresAtMs > earlier.serviceExpiresAtMs + sameInstantMs;
  return {
    leaseId: lease.leaseId,
    accountId: lease.accountId,
    reason: lease.reason,
    epoch: lease.epoch,
    expiresAtMs: nowMs + remainingMs,
    serviceExpiresAtMs,
    fullMs: Math.max(remainingMs, earlier?.fullMs ?? 0),
    renewals: (earlier?.renewals ?? 0) + (isRenewed ? 1 : 0),
  };
}
