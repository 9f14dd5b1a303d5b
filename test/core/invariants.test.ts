import { describe, expect, test } from "vitest";

import { mintHandshakeId } from "../../src/core/ids.ts";
import { faultsOf } from "../../src/core/invariants.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { LeaseBook, Session, Transport } from "../../src/core/session.ts";
import { busySession, tombstoneRecord } from "../support/store/store-records.ts";

const { holdsMax, abandonedMax, liveLeasesMax } = defaultPolicy;

function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function id(index: number): string {
  return mintHandshakeId(1_000 + index, "0".repeat(19), undefined);
}

const session = busySession();
const [lease] = session.leases.live;
if (lease === undefined) throw new Error("the session has no lease");
const distinct = (index: number) => ({
  ...lease,
  id: `lease-${index}`,
  reason: `reason-${index}`,
  epoch: lease.epoch - index,
  tokenHashes: [`token-${index}`],
});

function withLeases(changes: Partial<LeaseBook>): Session {
  return { ...session, leases: { ...session.leases, ...changes } };
}

function withTransport(changes: Partial<Transport>): Session {
  return { ...session, transport: { ...session.transport, ...changes } };
}

const seen = { manager: undefined, host: undefined };
const abandoned = (count: number) =>
  times(count, (index) => ({ ...seen, id: id(index), channels: [], honouredUntil: 1 }));
const holdsOn = (count: number) =>
  times(count, (index) => ({
    kind: "lease" as const,
    until: 1,
    account: "a",
    reason: `reason-${index}`,
  }));
const onSession = { kind: "session", until: 1 } as const;
const ended = (count: number) =>
  times(count, (index) => ({
    id: `${index}`,
    tokenHashes: [],
    endedBy: "expired" as const,
    endedAt: 1,
    key: undefined,
  }));
const reporters = (count: number) =>
  times(count, (index) => ({ end: "host" as const, id: `${index}`, sequence: 1 }));
const current =
  session.transport.path.kind === "active" ? session.transport.path.current : undefined;
const next = {
  ...seen,
  id: id(1),
  attempt: 1,
  reason: "renewed" as const,
  issuedAt: 1,
  confirmBy: 2,
  channels: [],
  managerUrl: "",
  delivery: undefined,
};

describe("a record", () => {
  test.each([
    ["as it should be", session],
    [
      "with as much of everything as the policy allows",
      {
        ...withLeases({
          live: times(liveLeasesMax, distinct),
          ended: ended(64),
          holds: [...holdsOn(holdsMax), onSession],
        }),
        transport: {
          ...session.transport,
          abandoned: abandoned(abandonedMax),
          unrecognised: times(2, (index) => ({ ...seen, id: id(10 + index) })),
          reporters: reporters(8),
        },
      },
    ],
    ["that is a tombstone", tombstoneRecord()],
  ])("%s has no fault", (_, record) => {
    expect(faultsOf(record, defaultPolicy)).toEqual([]);
  });

  const broken: readonly [string, Session][] = [
    [
      "two live leases share an id",
      withLeases({ live: [lease, { ...distinct(1), id: lease.id }] }),
    ],
    [
      "two live leases share account and reason",
      withLeases({ live: [lease, { ...distinct(1), reason: lease.reason }] }),
    ],
    [
      "two live leases share an epoch",
      withLeases({ live: [lease, { ...distinct(1), epoch: lease.epoch }] }),
    ],
    ["a lease is ahead of the session's epoch", withLeases({ epoch: lease.epoch - 1 })],
    [
      "two live leases share a token",
      withLeases({ live: [lease, { ...distinct(1), tokenHashes: lease.tokenHashes }] }),
    ],
    ["too many leases are live", withLeases({ live: times(liveLeasesMax + 1, distinct) })],
    ["too many ended leases are remembered", withLeases({ ended: ended(65) })],
    ["too many holds on single leases stand", withLeases({ holds: holdsOn(holdsMax + 1) })],
    ["two holds on the session stand", withLeases({ holds: [onSession, onSession] })],
    [
      "one handshake stands in two places",
      withTransport({ lingering: { id: current?.id ?? "", honouredUntil: 1 } }),
    ],
    ["a promoted handshake has no generation", withTransport({ generation: 0 })],
    ["a session with a promoted handshake is still pending", withTransport({ settled: false })],
    [
      "the handshake in flight is not the newest one minted",
      withTransport({ path: { kind: "negotiating", next } }),
    ],
    [
      "a handshake lingers behind none",
      withTransport({ path: { kind: "absent" }, lingering: { id: id(1), honouredUntil: 1 } }),
    ],
    [
      "too many abandoned handshakes are kept",
      withTransport({ abandoned: abandoned(abandonedMax + 1) }),
    ],
    [
      "too many unrecognised handshakes are kept",
      withTransport({ unrecognised: times(3, (index) => ({ ...seen, id: id(index) })) }),
    ],
    ["too many reporters are remembered", withTransport({ reporters: reporters(9) })],
  ];
  test.each(broken)("is reported when %s", (fault, record) => {
    expect(faultsOf(record, defaultPolicy)).toEqual([fault]);
  });

  test("that is a tombstone has no live lease", () => {
    const record = tombstoneRecord({ leases: { ...session.leases } });
    expect(faultsOf(record, defaultPolicy)).toEqual(["a detached session has a live lease"]);
  });
});
