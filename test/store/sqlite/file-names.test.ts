import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { expect, test } from "vitest";

import { TransportPath } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { realPathOf } from "../../../src/store/sqlite/file-identity.ts";
import { holdFastPath } from "../../support/callers/held-session.ts";
import { type Reach, runService, runToExit } from "../../support/process/run-service.ts";
import { type StoreFolder, storeFolder } from "../../support/store/store-files.ts";

/** A folder with `real/`, for the store's file, and `links/`, for names that lead there. */
async function folders(): Promise<StoreFolder & { real: string; links: string }> {
  const folder = await storeFolder();
  const [real, links] = [join(folder.path, "real"), join(folder.path, "links")];
  await mkdir(real);
  await mkdir(links);
  return Object.assign(folder, { real, links });
}

async function backUp(service: Reach): Promise<{ status: number; path: string }> {
  const answer = await fetch(service.opsUrl("/backup?to=copy.db"), { method: "POST" });
  const { path } = (await answer.json()) as { path: string };
  return { status: answer.status, path };
}

interface Named {
  readonly name: string;
  /** Answers the path by which the service opens the file. */
  readonly make: (of: { readonly real: string; readonly links: string }) => Promise<string>;
}

const names: readonly Named[] = [
  {
    name: "a link to a file that is not there yet",
    async make({ real, links }) {
      await symlink(join(real, "lease.db"), join(links, "lease.db"));
      return join(links, "lease.db");
    },
  },
  {
    name: "a link to a link, relative to itself",
    async make({ real, links }) {
      await symlink(relative(links, join(real, "lease.db")), join(links, "second"));
      await symlink("second", join(links, "first"));
      return join(links, "first");
    },
  },
  {
    name: "a folder that is a link",
    async make({ real, links }) {
      await symlink(real, join(links, "data"));
      return join(links, "data", "lease.db");
    },
  },
  {
    name: "a path that is relative to where the process was started",
    make: async ({ real }) => relative(process.cwd(), join(real, "lease.db")),
  },
];

test.each(names)("a file is recognised by its contents, opened by $name", async ({ make }) => {
  await using folder = await folders();
  const path = await make(folder);
  const file = join(folder.real, "lease.db");
  await using service = await runService({ store: { path } });
  const held = await holdFastPath(service, "session-1");
  expect(await backUp(service)).toEqual({ status: 201, path: join(folder.real, "copy.db") });
  expect((await readdir(folder.links)).some((name) => /wal|key/.test(name))).toBe(false);
  await service.drain();

  // By its other name it is the same, and a backup in its place is what is opened.
  await rename(join(folder.real, "copy.db"), file);
  await using again = await runService({ store: { path: file } });
  expect((await held.transport(again)).path).toBe(TransportPath.FAST_PATH);
});

test.each(["with space.db", "100%25.db", "what?mode=memory#x.db", "%6Cease.db"])(
  "a name is taken letter for letter: %s",
  async (name) => {
    await using folder = await folders();
    const path = join(folder.real, name);
    await using service = await runService({ store: { path } });
    await holdFastPath(service, "session-1");
    expect((await backUp(service)).status).toBe(201);
    await service.drain();
    expect((await readdir(folder.real)).toSorted()).toEqual(
      [name, `${name}.key`, "copy.db"].toSorted(),
    );
  },
);

test("a key that an earlier version made beside a link is found", async () => {
  await using folder = await folders();
  const path = join(folder.links, "lease.db");
  await symlink(join(folder.real, "lease.db"), path);
  const key = Buffer.alloc(32, 7).toString("base64url");
  await writeFile(`${path}.key`, key);
  await using service = await runService({ store: { path } });
  await holdFastPath(service, "session-1");
  expect(existsSync(join(folder.real, "lease.db.key"))).toBe(false);
  expect(await readFile(`${path}.key`, "utf8")).toBe(key);
});

test("a file of two names is refused, since its log would lie beside one of them", async () => {
  await using folder = await folders();
  const path = join(folder.real, "lease.db");
  await (await folder.open())[Symbol.asyncDispose]();
  await link(folder.storePath, path);
  const { code, stderr } = await runToExit({ LEASE_STORE_URL: `sqlite:${path}` });
  expect(code).toBe(1);
  expect(stderr).toContain("it has 2 names (hard links), and its log lies beside one of them");
});

test("links that lead in a circle are refused", async () => {
  await using folder = await folders();
  await symlink("b", join(folder.links, "a"));
  await symlink("a", join(folder.links, "b"));
  expect(() => realPathOf(join(folder.links, "a"))).toThrow("its symbolic links lead in a circle");
});

test("a file that took the place of the one in use is not backed up for it", async () => {
  await using folder = await folders();
  const path = join(folder.real, "lease.db");
  await using service = await runService({ store: { path } });
  await holdFastPath(service, "session-1");
  await rename(path, join(folder.real, "moved.db"));
  const refusal = async () => {
    const answer = await fetch(service.opsUrl("/backup?to=copy.db"), { method: "POST" });
    return [answer.status, ((await answer.json()) as { message: string }).message] as const;
  };
  const moved = expect.stringContaining("was moved away or replaced while in use");
  expect(await refusal()).toEqual([409, moved]);
  await writeFile(path, "another file");
  expect(await refusal()).toEqual([409, moved]);
  expect((await readdir(folder.real)).some((name) => name.startsWith("copy"))).toBe(false);
});
