import { appendFileSync } from "node:fs";

import { systemClock } from "../../../src/service/time/clock.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { fillSession, serviceToFill } from "./session-fill.ts";

/** Fills a SQLite file with sessions, lists their leases, and waits to be killed. */
const [path = "", leasesPath = "", count = "0"] = process.argv.slice(2);
const sessions = Number(count);
const atOnce = 4_000;

const store = await openSqliteStore(path, { clock: systemClock() });
const service = await serviceToFill(store);
const before = memoryUsed();
for (let from = 0; from < sessions; from += atOnce) {
  const length = Math.min(atOnce, sessions - from);
  const leases = Array.from({ length }, async (_, index) => {
    const id = idOf(from + index);
    return `${id} ${await fillSession(service, id, from + index)}\n`;
  });
  appendFileSync(leasesPath, (await Promise.all(leases)).join(""));
}
process.send?.((memoryUsed() - before) / sessions);

/** As long as a UUID, and in order, so that each page of the file is written once. */
function idOf(index: number): string {
  const id = `0193b5a0-0000-7000-8000-${String(index).padStart(12, "0")}`;
  // Flat, as a door reads it: V8 keeps what is put together as a tree of its parts.
  return Buffer.from(id, "latin1").toString("latin1");
}

/** On the heap and in buffers beside it, in bytes. */
function memoryUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
