import { describe, expect, test } from "vitest";

import type { EndedLease, Session } from "../../src/core/session.ts";
import { addedNumber, part } from "../../src/store/codec/added-fields.ts";
import { FlatReader } from "../../src/store/codec/flat-reader.ts";
import { FlatWriter, RecordUnreadable } from "../../src/store/codec/flat-record.ts";
import { decodeRecord, encodeRecord } from "../../src/store/codec/session-codec.ts";
import { SharedStrings } from "../../src/store/codec/shared-strings.ts";
import { busySession, tombstoneRecord } from "../support/store/store-records.ts";
import { recordsOfVersion2 } from "./records/redis-of-version-2.ts";

const decode = (text: string) => decodeRecord(text, new SharedStrings());
const valuesOf = (text: string) => JSON.parse(text) as unknown[];

/** A record as a later version may write it: with a field of its own in front of that value. */
function withAdded(text: string, before: unknown, added: object): string {
  const values = valuesOf(text);
  const at = values.indexOf(before);
  expect(at).toBeGreaterThan(0);
  return JSON.stringify([3, ...values.slice(1, at), added, ...values.slice(at)]);
}

const busy = busySession();
const [lease] = busy.leases.live;
const current = busy.transport.path.kind === "active" ? busy.transport.path.current : undefined;

describe("a record of the version before", () => {
  test.each([...recordsOfVersion2])("is read, and written back unchanged: %s", (id, text) => {
    const record = decode(text);
    expect(record.id).toBe(id);
    expect(encodeRecord(record)).toBe(text);
  });
});

describe("a record of the version after", () => {
  test.each([
    ["the session", busy.id],
    ["a lease", lease?.id],
    ["the transport", busy.transport.managerUrl],
    ["the promoted handshake", current?.id],
    ["evidence", current?.manager?.reporterId],
  ])("is read, and keeps what it added to %s", (_, before) => {
    const later = withAdded(encodeRecord(busy), before, { addedLater: [1, { deep: "x" }] });
    const record = decode(later) as Session;
    expect(record).toMatchObject(busy);
    expect(encodeRecord(record)).toBe(later);
  });

  test("keeps it when the session changes", () => {
    const later = withAdded(encodeRecord(busy), lease?.id, { addedLater: 7 });
    const record = decode(later) as Session;
    const live = record.leases.live.map((one) => ({ ...one, expiresAt: one.expiresAt + 1 }));
    const next: Session = { ...record, revision: 2, leases: { ...record.leases, live } };
    expect(valuesOf(encodeRecord(next))).toContainEqual({ addedLater: 7 });
  });

  test("is read although it has the next number", () => {
    const text = JSON.stringify([4, ...valuesOf(encodeRecord(busy)).slice(1)]);
    expect(decode(text)).toEqual(busy);
  });

  test("is read although it knows reasons that this one does not", () => {
    const text = encodeRecord(tombstoneRecord());
    const ended: EndedLease = {
      id: "x",
      tokenHashes: [],
      endedBy: "released",
      endedAt: 0,
      key: undefined,
    };
    const record = tombstoneRecord();
    const written = encodeRecord({ ...record, leases: { ...record.leases, ended: [ended] } });
    expect(decode(written)).not.toEqual(decode(text));
    const later = JSON.stringify(
      valuesOf(written).map((value, at, all) => (all[at - 2] === "x" ? 9 : value)),
    );
    expect(decode(later).leases.ended).toMatchObject([{ id: "x", endedBy: "revoked" }]);
  });
});

describe("a field that is added to a part", () => {
  interface Thing {
    readonly name: string;
    readonly count: number;
  }
  const thing = part(
    { count: addedNumber(0) },
    (out, { name }: Thing) => out.text(name),
    (from, added): Thing => ({ name: from.text(), count: added.count }),
  );
  const write = (value: Thing): string => {
    const out = new FlatWriter();
    thing.write(out, value);
    return out.finish(3);
  };
  const read = (text: string): Thing => {
    const from = new FlatReader(text, new SharedStrings());
    from.number();
    return thing.read(from);
  };

  test("takes no room while it is as in a record without it", () => {
    expect(write({ name: "a", count: 0 })).toBe('[3,"a"]');
    expect(read('[3,"a"]')).toEqual({ name: "a", count: 0 });
  });

  test("is kept otherwise, beside what is not known", () => {
    expect(write({ name: "a", count: 5 })).toBe('[3,{"count":5},"a"]');
    const kept = read('[3,{"count":5,"later":true},"a"]');
    expect(kept).toMatchObject({ name: "a", count: 5 });
    expect(write({ ...kept, count: 0 })).toBe('[3,{"later":true},"a"]');
  });

  test("is refused when it is damaged, or cannot be stored", () => {
    expect(() => read('[3,{"count":"5"},"a"]')).toThrow(RecordUnreadable);
    expect(() => write({ name: "a", count: Number.NaN })).toThrow(TypeError);
  });
});
