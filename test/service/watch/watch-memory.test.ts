import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Budgets } from "../../../src/budget/budgets.ts";
import { defaultPolicy } from "../../../src/core/policy.ts";
import type { Session } from "../../../src/core/session.ts";
import { controllerTokens } from "../../../src/service/controller-tokens.ts";
import { createSessionService } from "../../../src/service/session-service.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { manualClock } from "../../support/service/manual-clock.ts";
import { sequentialIds } from "../../support/service/sequential-ids.ts";
import { attach } from "../../support/service/session-service.ts";

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;

const sessions = 20;
const changes = 50;

test("Bounded: a reader that takes nothing costs one state of each session, however often they change", async () => {
  const [store, clock] = [memoryStore(), manualClock()];
  await using service = await createSessionService({
    store,
    clock,
    ids: sequentialIds(),
    policy: defaultPolicy,
    tokens: controllerTokens(Buffer.alloc(32)),
    observe: () => undefined,
    budgets: new Budgets(),
  });
  const seen: WeakRef<Session>[] = [];
  using _noted = store.changes(({ next }) => {
    if (next?.kind === "attached") seen.push(new WeakRef(next));
  });
  const stop = new AbortController();
  const selection = {
    sessions: { kind: "beach", beachId: attach.beachId },
    knownVersions: new Map(),
    reader: "onlooker",
  } as const;
  const reader = service.watch(selection, stop.signal)[Symbol.asyncIterator]();
  const first = reader.next();
  await clock.advance(0);
  await first;
  for (let change = 0; change < changes; change += 1) {
    for (let index = 0; index < sessions; index += 1) {
      await service.execute(`s${index}`, attach);
      await service.execute(`s${index}`, { kind: "Detach", reason: "over" });
    }
    await clock.advance(1);
  }
  for (let index = 0; index < sessions; index += 1) await service.execute(`s${index}`, attach);
  expect(seen).toHaveLength((changes + 1) * sessions);
  await clock.advance(1);
  collectGarbage();
  const kept = seen.filter((state) => state.deref() !== undefined);
  expect(kept.length).toBeLessThanOrEqual(2 * sessions);
  stop.abort();
});
