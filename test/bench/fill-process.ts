import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";

import { systemClock } from "../../src/service/time/clock.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { fillSession, serviceToFill } from "./session-fill.ts";

/** Fills a SQLite file with sessions, lists their leases, and waits to be killed. */
const [path = "", leasesPath = "", count = "0"] = process.argv.slice(2);
const sessions = Number(count);
const atOnce = 1_000;

const store = await openSqliteStore(path, { clock: systemClock() });
const service = await serviceToFill(store);
const before = memoryUsed();
for (let from = 0; from < sessions; from += atOnce) {
  const length = Math.min(atOnce, sessions - from);
  const leases = Array.from({ length }, async (_, index) => {
    // Flat, as a door reads it: V8 keeps a fresh UUID as a tree of its parts, 400 B more.
    const id = Buffer.from(randomUUID(), "latin1").toString("latin1");
    return `${id} ${await fillSession(service, id, from + index)}\n`;
  });
  appendFileSync(leasesPath, (await Promise.all(leases)).join(""));
}
process.send?.((memoryUsed() - before) / sessions);

/** On the heap and in buffers beside it, in bytes. */
function memoryUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
