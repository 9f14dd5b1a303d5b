import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { systemClock } from "../../../src/service/time/clock.ts";
import {
  openSqliteStore,
  type SqliteSessionStore,
  type SqliteStoreOptions,
} from "../../../src/store/sqlite/sqlite-store.ts";

/** A folder for the files of one test, removed when it is disposed of. */
export interface StoreFolder extends AsyncDisposable {
  readonly path: string;
  /** Where this folder's store lies. */
  readonly storePath: string;
  /** Opens the store on the system clock unless told otherwise, without waiting for others. */
  open(options?: Partial<SqliteStoreOptions>): Promise<SqliteSessionStore>;
}

export async function storeFolder(): Promise<StoreFolder> {
  const path = await mkdtemp(join(tmpdir(), "lease-store-"));
  const storePath = join(path, "lease.db");
  return {
    path,
    storePath,
    open: (options) =>
      openSqliteStore(storePath, { clock: systemClock(), lockWaitMs: 0, ...options }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** Opens what another process would find in the store's file if this one were killed now. */
export async function copyOf(
  storePath: string,
): Promise<AsyncDisposable & { readonly store: SqliteSessionStore }> {
  const folder = await storeFolder();
  for (const suffix of ["", "-wal"]) {
    await copyFile(`${storePath}${suffix}`, `${folder.storePath}${suffix}`);
  }
  const store = await folder.open();
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Looks into, or changes, a SQLite file that no store holds. */
export function withDatabase<T>(path: string, use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return use(db);
  } finally {
    db.close();
  }
}
