import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type {
  AbandonedHandshake,
  Backoff,
  Delivery,
  EndedLease,
  Evidence,
  FastPath,
  Handshake,
  Hold,
  LastChange,
  Lease,
  LeaseBook,
  PendingDelivery,
  PromotedHandshake,
  ReadyReport,
  Reporter,
  Session,
  SessionRecord,
  Tombstone,
  Transport,
  UnrecognisedHandshake,
} from "../../src/core/session.ts";
import { RecordUnreadable } from "../../src/store/codec/flat-record.ts";
import { decodeRecord, encodeRecord, scanRecord } from "../../src/store/codec/session-codec.ts";
import { SharedStrings } from "../../src/store/codec/shared-strings.ts";
import { busySession, sessionRecord, tombstoneRecord } from "../support/store/store-records.ts";

// A model of each interface: the compiler asks for every field, and so does the round trip.
type Model<T> = { readonly [K in keyof T]-?: fc.Arbitrary<T[K]> };
const model = <T>(fields: Model<T>): fc.Arbitrary<T> =>
  fc.record(fields as { [K in keyof T]: fc.Arbitrary<T[K]> }) as fc.Arbitrary<T>;
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

const text = fc.oneof(fc.constantFrom("", "a", "b", "a\nb"), fc.string({ unit: "binary" }));
const texts = fc.oneof(
  fc.constantFrom<readonly string[]>([], ["a", "b"], ["a\nb"]),
  fc.array(text, { maxLength: 3 }),
);
const count = fc.nat();
const moment = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
  fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER, 0.5, 1_763_400_000_000.1),
);

const readyReport = model<ReadyReport>({ reporterId: text, at: moment });
const evidence = model<Evidence>({
  reporterId: text,
  transportId: text,
  readyTransportId: maybe(text),
  connection: fc.constantFrom(
    "unspecified",
    "connecting",
    "connected",
    "disconnected",
    "failed",
    "closed",
  ),
  readyChannels: texts,
  openingChannels: texts,
  oldestUnackedMs: count,
  observedAt: moment,
  gapMs: count,
  generation: count,
  readyReports: fc.array(readyReport, { maxLength: 3 }),
  noConnection: maybe(readyReport),
});
const witnessed = { id: text, manager: maybe(evidence), host: maybe(evidence) };
const delivery: fc.Arbitrary<Delivery> = fc.oneof(
  fc.constant<Delivery>({ kind: "delivered" }),
  model<PendingDelivery>({
    kind: fc.constant("pending"),
    askedBy: maybe(text),
    tries: count,
    nextTryAt: moment,
  }),
);
const handshake = model<Handshake>({
  ...witnessed,
  attempt: count,
  reason: fc.constantFrom(
    "acquired",
    "renewed",
    "transport_lost",
    "poor_quality",
    "network_changed",
    "operator",
    "unspecified",
  ),
  issuedAt: moment,
  confirmBy: moment,
  channels: texts,
  managerUrl: text,
  delivery: maybe(delivery),
});
const promoted = model<PromotedHandshake>({
  ...witnessed,
  channels: texts,
  promotedAt: moment,
  gapMs: count,
  health: fc.constantFrom("healthy", "degraded", "stale", "lost"),
  healthReason: fc.constantFrom("confirmed", "silent", "acks_stalled", "end_restarted"),
  usableSince: moment,
  goodSince: maybe(moment),
});
const path: fc.Arbitrary<FastPath> = fc.oneof(
  fc.constant<FastPath>({ kind: "absent" }),
  fc.record({ kind: fc.constant("negotiating"), next: handshake }),
  fc.record({ kind: fc.constant("active"), current: promoted }),
  fc.record({ kind: fc.constant("replacing"), current: promoted, next: handshake }),
);
const backoff = model<Backoff>({ failures: count, notBefore: moment });
const reporter = model<Reporter>({
  end: fc.constantFrom("manager", "host"),
  id: text,
  sequence: fc.maxSafeNat(),
});
const transport = model<Transport>({
  managerUrl: text,
  requiredChannels: texts,
  hostReports: fc.boolean(),
  generation: count,
  generationFloor: count,
  path,
  attempts: count,
  settled: fc.boolean(),
  abandoned: fc.array(
    model<AbandonedHandshake>({ ...witnessed, channels: texts, honouredUntil: moment }),
    { maxLength: 2 },
  ),
  lingering: maybe(fc.record({ id: text, honouredUntil: moment })),
  unrecognised: fc.array(model<UnrecognisedHandshake>(witnessed), { maxLength: 2 }),
  newestHandshakeId: maybe(text),
  youngestRetiredId: maybe(text),
  reporters: fc.array(reporter, { maxLength: 3 }),
  hostReportedAt: maybe(moment),
  recoveries: backoff,
  replacements: backoff,
  earlyDeaths: count,
});

const lease = model<Lease>({
  id: text,
  account: text,
  reason: text,
  epoch: moment,
  tokenHashes: fc.array(text, { maxLength: 2 }),
  ttlMs: count,
  expiresAt: moment,
});
const endedLease = model<EndedLease>({
  id: text,
  tokenHashes: fc.array(text, { maxLength: 2 }),
  endedBy: fc.constantFrom("expired", "released", "revoked", "detached"),
  endedAt: moment,
  key: maybe(fc.record({ account: text, reason: text })),
});
const hold: fc.Arbitrary<Hold> = fc.oneof(
  fc.record({ kind: fc.constant("session"), until: moment }),
  fc.record({ kind: fc.constant("lease"), until: moment, account: text, reason: text }),
);
const leases = model<LeaseBook>({
  epoch: moment,
  version: moment,
  live: fc.array(lease, { maxLength: 3 }),
  ended: fc.array(endedLease, { maxLength: 3 }),
  holds: fc.array(hold, { maxLength: 3 }),
});
const lastChange = model<LastChange>({
  change: fc.constantFrom("attached", "promoted", "retired", "leases_changed", "detached"),
  reason: text,
  at: moment,
});

const session = model<Session>({
  kind: fc.constant("attached"),
  id: text,
  beachId: text,
  knownSince: moment,
  revision: count,
  version: moment,
  activeAt: moment,
  gapsTaken: count,
  incarnation: count,
  leases,
  transport,
  missedSince: maybe(moment),
  lastChange,
});
const tombstone = model<Tombstone>({
  kind: fc.constant("detached"),
  id: text,
  beachId: text,
  knownSince: moment,
  revision: count,
  version: moment,
  gapsTaken: count,
  incarnation: count,
  detachedAt: moment,
  reason: text,
  leases,
  generation: count,
  generationFloor: count,
  newestHandshakeId: maybe(text),
});
const record: fc.Arbitrary<SessionRecord> = fc.oneof(session, tombstone);

/** What each older version wrote of the same records, oldest first. */
const versions = {
  busySession: [
    '[1,0,"session-1","beach-1",1763400000000,1,0,0,0,0,0,1,"0b9f8a5e-2f4d-4c1e-9d3a-000000000001","account-1","auto_handshake",0,1,"2jmj7l5rSw0yVb_vlWAYkK_YBwk2jmj7l5rSw0yVb_v",30000,30000,0,0,"http://127.0.0.1:8080",["mgr-actions","mgr-acks","mgr-state"],1,1,2,"019a92d4-a200-7000-8000-000000000000",1,"manager-1","manager-connection-1",6,2,0,[],0,0,1,1,5,0,0,1,"host-1","host-connection-1",8,2,0,1,0,0,1,1,7,0,0,0,0,0,0,0,0,0,1,0,0,0,4,null,2,0,5,7,1,7,9,0,0,0,0,0,0,0,0,"",0]',
    '[2,0,"session-1","beach-1",1763400000000,1,0,0,0,0,0,0,1,"0b9f8a5e-2f4d-4c1e-9d3a-000000000001","account-1","auto_handshake",0,1,"2jmj7l5rSw0yVb_vlWAYkK_YBwk2jmj7l5rSw0yVb_v",30000,30000,0,0,"http://127.0.0.1:8080",["mgr-actions","mgr-acks","mgr-state"],1,1,0,2,"019a92d4-a200-7000-8000-000000000000",1,"manager-1","manager-connection-1",6,2,0,[],0,0,0,1,1,5,0,0,1,"host-1","host-connection-1",8,2,0,1,0,0,0,1,1,7,0,0,0,0,0,0,0,0,0,0,1,0,0,0,4,null,2,0,5,7,1,7,9,0,0,0,0,0,0,0,"",0]',
  ],
  tombstone: [
    '[1,1,"session-1","beach-1",1763400000000,1,0,0,0,"requested",0,0,0,0,0,3,null]',
    '[2,1,"session-1","beach-1",1763400000000,1,0,0,0,0,"requested",0,0,0,0,0,3,null]',
  ],
};

describe("an encoded record", () => {
  test("decodes to the same record, whatever its contents", () => {
    const shared = new SharedStrings();
    fc.assert(
      fc.property(record, (original) => {
        expect(decodeRecord(encodeRecord(original), shared)).toEqual(original);
      }),
      { numRuns: 500 },
    );
  });

  test("of a busy session takes less than 700 bytes", () => {
    expect(encodeRecord(busySession()).length).toBeLessThan(700);
  });

  test.each([
    ["a session", busySession(), versions.busySession],
    ["a tombstone", tombstoneRecord({ generation: 3 }), versions.tombstone],
  ])("of an older version is read as what it meant: %s", (_, meant, texts) => {
    for (const text of texts) expect(decodeRecord(text, new SharedStrings())).toEqual(meant);
    // One with nothing added is still written as the version before can read it.
    expect(JSON.parse(encodeRecord(meant))[0]).toBe(2);
  });

  test.each([5, 0, 1.5])("of version %d is refused", (version) => {
    expect(() => decodeRecord(`[${version},0]`, new SharedStrings())).toThrow(
      new RecordUnreadable(`it has version ${version}, and this program reads 1 to 4`),
    );
  });

  test.each([
    ["nothing", ""],
    ["half a record", encodeRecord(busySession()).slice(0, 200)],
    ["an object", "{}"],
    ["a record that ends early", '[2,0,"session-1"]'],
    ["a record that goes on", `${encodeRecord(tombstoneRecord()).slice(0, -1)},7]`],
    ["an unknown word", "[2,9]"],
    ["a list of less than nothing", encodeRecord(busySession()).replace("null,2,", "null,-2,")],
    ["a list with half an item", encodeRecord(busySession()).replace("null,2,", "null,1.5,")],
  ])("that is %s is unreadable", (_, damaged) => {
    expect(() => decodeRecord(damaged, new SharedStrings())).toThrow(RecordUnreadable);
  });

  test("is refused before it is written when a number is none", () => {
    expect(() => encodeRecord(sessionRecord({ version: Number.NaN }))).toThrow(TypeError);
    expect(() => encodeRecord(sessionRecord({ revision: Number.POSITIVE_INFINITY }))).toThrow(
      TypeError,
    );
  });
});

describe("a record that is scanned", () => {
  const decoded = (text: string): SessionRecord | undefined => {
    try {
      return decodeRecord(text, new SharedStrings());
    } catch (error) {
      if (error instanceof RecordUnreadable) return undefined;
      throw error;
    }
  };

  test.each([
    ["a busy session", busySession()],
    ["one whose path is missed", busySession({ missedSince: 1_763_400_000_001 })],
    ["a tombstone", tombstoneRecord({ generation: 3 })],
  ])("is the one that is decoded: %s", (_, original) => {
    expect(scanRecord(encodeRecord(original))).toEqual(original);
  });

  test("is that one whatever its contents, or is left to be decoded", () => {
    fc.assert(
      fc.property(record, (original) => {
        expect([original, undefined]).toContainEqual(scanRecord(encodeRecord(original)));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["in another alphabet", busySession({ beachId: "пляж" })],
    // Of its second character, the lower half is a quote.
    ["that would be cut short", busySession({ beachId: "aĢ" })],
    ["with an escape", busySession({ beachId: 'a"b' })],
    ["that is long", busySession({ beachId: "a".repeat(20_000) })],
  ])("is left to be decoded when it has a text %s", (_, original) => {
    expect(scanRecord(encodeRecord(original))).toBeUndefined();
  });

  test("is of a damaged text what is decoded of it, or none", () => {
    const characters = [...'[]{}",:\\-.019ntuae \n'];
    const texts = [busySession(), busySession({ missedSince: 7 }), tombstoneRecord()].map(
      encodeRecord,
    );
    const damaged = fc
      .tuple(
        fc.constantFrom(...texts),
        fc.nat(),
        fc.nat({ max: 3 }),
        fc.string({ unit: fc.constantFrom(...characters), maxLength: 3 }),
      )
      .map(([text, at, cut, put]) => {
        const from = at % text.length;
        return text.slice(0, from) + put + text.slice(from + cut);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        const scanned = scanRecord(text);
        if (scanned !== undefined) expect(scanned).toEqual(decoded(text));
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("records decoded together", () => {
  test("share the lists that they have in common", () => {
    const shared = new SharedStrings();
    const [a, b] = ["a", "b"].map((id) => {
      const decoded = decodeRecord(encodeRecord(busySession({ id })), shared);
      return decoded.kind === "attached" ? decoded.transport.requiredChannels : undefined;
    });
    expect(a).toBeDefined();
    expect(a).toBe(b);
  });

  test("lists that would look alike when joined stay apart", () => {
    const shared = new SharedStrings();
    expect(shared.list(["a", "b"])).toEqual(["a", "b"]);
    expect(shared.list(["a\nb"])).toEqual(["a\nb"]);
    expect(shared.list(["a", "b"])).toEqual(["a", "b"]);
  });
});
