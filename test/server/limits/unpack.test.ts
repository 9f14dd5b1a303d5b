import { randomBytes } from "node:crypto";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ConnectionBudgets, type HeldBytes } from "../../../src/server/held-bytes.ts";
import { type Encoding, Unpacker } from "../../../src/server/intake/unpack.ts";

const packings: readonly (readonly [Encoding, (bytes: Buffer) => Buffer])[] = [
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
];

function unpacking(limits = {}): { unpacker: Unpacker; held: HeldBytes } {
  const budgets = new Budgets(limits);
  const calls = new ConnectionBudgets(budgets, "request_bytes", "connection_request_bytes");
  return { unpacker: new Unpacker(budgets), held: calls.hold({}, "read the request") };
}

test.for(packings)(
  "in %s a small message does not wait for others, and a larger one does",
  async ([encoding, pack]) => {
    const { unpacker, held } = unpacking({ messages_unpacked_at_once: 0 });
    const small = Buffer.from("small");
    expect(await unpacker.unpack(pack(small), { encoding, held })).toEqual(small);
    let isLargeUnpacked = false;
    void unpacker
      .unpack(pack(randomBytes(2_000)), { encoding, held })
      .then(() => (isLargeUnpacked = true));
    await unpacker.unpack(pack(small), { encoding, held });
    expect(isLargeUnpacked).toBe(false);
  },
);

test.for(packings)(
  "in %s a message that does not stay small is unpacked whole",
  async (packing) => {
    const [encoding, pack] = packing;
    const { unpacker, held } = unpacking();
    const zeros = Buffer.alloc(100_000);
    expect(await unpacker.unpack(pack(zeros), { encoding, held })).toEqual(zeros);
  },
);

test("a small message that unpacks to more than its limit is refused for it", async () => {
  const { unpacker, held } = unpacking({ message_bytes: 8_000 });
  const packed = gzipSync(Buffer.alloc(8_001));
  await expect(unpacker.unpack(packed, { encoding: "gzip", held })).rejects.toThrow("8000 bytes");
});

test("a message whose call has ended while it waited is not unpacked", async () => {
  const { unpacker, held } = unpacking({ messages_unpacked_at_once: 1 });
  const { held: others } = unpacking();
  const packed = gzipSync(randomBytes(2_000));
  const first = unpacker.unpack(packed, { encoding: "gzip", held: others });
  const second = unpacker.unpack(packed, { encoding: "gzip", held });
  held.end();
  await expect(second).rejects.toThrow("the caller left");
  expect((await first).length).toBe(2_000);
});
