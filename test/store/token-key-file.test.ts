import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { loadOrCreateTokenKey, tokenKeyPath } from "../../src/store/token-key-file.ts";
import { storeFolder } from "../support/store/store-files.ts";

describe("the token key file", () => {
  test("is made beside the store with 32 random bytes that only its user can read", async () => {
    await using folder = await storeFolder();
    const path = tokenKeyPath(folder.storePath);
    const key = await loadOrCreateTokenKey(path);
    expect(key).toHaveLength(32);
    expect(path).toBe(`${folder.storePath}.key`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path, "utf8")).trim()).toBe(Buffer.from(key).toString("base64url"));
    expect(await readdir(folder.path)).toEqual(["lease.db.key"]);
  });

  test("gives the same key again", async () => {
    await using folder = await storeFolder();
    const path = tokenKeyPath(folder.storePath);
    expect(await loadOrCreateTokenKey(path)).toEqual(await loadOrCreateTokenKey(path));
  });

  test("is made once, however many ask at the same time", async () => {
    await using folder = await storeFolder();
    const path = tokenKeyPath(folder.storePath);
    const keys = await Promise.all(Array.from({ length: 10 }, () => loadOrCreateTokenKey(path)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
    expect(await readdir(folder.path)).toEqual(["lease.db.key"]);
  });

  test.each([
    ["empty", ""],
    ["short", "c2hvcnQ"],
    ["not base64url", `${"?".repeat(43)}`],
  ])("is refused and kept when it is %s", async (_, text) => {
    await using folder = await storeFolder();
    const path = tokenKeyPath(folder.storePath);
    await writeFile(path, text);
    await expect(loadOrCreateTokenKey(path)).rejects.toMatchObject({
      name: "TokenKeyUnusable",
      message: expect.stringContaining(`'${path}': it does not hold 32 bytes in base64url`),
    });
    expect(await readFile(path, "utf8")).toBe(text);
  });

  test("is refused with the remedy when it cannot be read or made", async () => {
    await using folder = await storeFolder();
    const path = tokenKeyPath(folder.storePath);
    await mkdir(path);
    await expect(loadOrCreateTokenKey(path)).rejects.toMatchObject({ name: "TokenKeyUnusable" });
    await expect(loadOrCreateTokenKey(join(folder.path, "gone", "key"))).rejects.toMatchObject({
      name: "TokenKeyUnusable",
      message: expect.stringContaining("make it readable, and its folder writable"),
    });
  });
});
