import { expect, test } from "vitest";

import { openSqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { storeFolder } from "../../support/store/store-files.ts";

test("the moment alive never goes back, in whatever order moments come", async () => {
  await using folder = await storeFolder();
  const file = openSqliteFile(folder.storePath, { createFolder: false, fileBytesMax: undefined });
  file.keep();
  for (const aliveAt of [5, 10, 7]) file.write({ rows: [], aliveAt });
  expect(file.lastAlive()).toBe(10);
  file.close();
});
