import type { SessionStore } from "../../../src/service/session-store.ts";
import { systemClock } from "../../../src/service/time/clock.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { insertion, sessionRecord } from "./store-records.ts";

const [path = "", work = "", lockWaitMs = "0"] = process.argv.slice(2);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Commits sessions side by side for ever, and says which are acknowledged. */
async function commitForEver(store: SessionStore, lane: number): Promise<never> {
  for (let count = 0; ; count++) {
    const record = sessionRecord({ id: `lane-${lane}-${count}` });
    await store.commit(insertion(record));
    say(`committed ${record.id}`);
  }
}

function closeOnSigterm(store: SessionStore): void {
  const idle = setInterval(() => {}, 1000);
  process.once("SIGTERM", async () => {
    clearInterval(idle);
    await store[Symbol.asyncDispose]();
    say("closed");
  });
}

try {
  const store = await openSqliteStore(path, {
    clock: systemClock(),
    lockWaitMs: Number(lockWaitMs),
  });
  switch (work) {
    case "commit":
      say("opened");
      await Promise.all(Array.from({ length: 20 }, (_, lane) => commitForEver(store, lane)));
      break;
    case "hold":
      closeOnSigterm(store);
      say("opened");
      break;
    default:
      say("opened");
      await store[Symbol.asyncDispose]();
  }
} catch (error) {
  say(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
