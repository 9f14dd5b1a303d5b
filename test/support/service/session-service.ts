import { randomBytes } from "node:crypto";
import { Budgets } from "../../../src/budget/budgets.ts";

import type { Attach } from "../../../src/core/command.ts";
import { defaultPolicy, type Policy } from "../../../src/core/policy.ts";
import { controllerTokens } from "../../../src/service/controller-tokens.ts";
import type { ServiceEvent, ServiceObserver } from "../../../src/service/service-events.ts";
import { createSessionService, type SessionService } from "../../../src/service/session-service.ts";
import type { SessionStore } from "../../../src/service/session-store.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";
import { sequentialIds } from "./sequential-ids.ts";

/** A session service on a manual clock, with all events for its observers. */
export interface ServiceUnderTest extends AsyncDisposable {
  readonly service: SessionService;
  readonly store: SessionStore;
  readonly clock: ManualClock;
  readonly seen: readonly ServiceEvent[];
}

interface Options {
  readonly store?: SessionStore;
  readonly clock?: ManualClock;
  readonly policy?: Partial<Policy>;
  readonly budgets?: Budgets;
  /** Told as well. */
  readonly observe?: ServiceObserver;
}

export async function serviceUnderTest(options: Options = {}): Promise<ServiceUnderTest> {
  const seen: ServiceEvent[] = [];
  const store = options.store ?? memoryStore();
  const clock = options.clock ?? manualClock();
  const service = await createSessionService({
    store,
    clock,
    ids: sequentialIds(),
    policy: { ...defaultPolicy, ...options.policy },
    tokens: controllerTokens(randomBytes(32)),
    budgets: options.budgets ?? new Budgets(),
    observe: (event) => {
      seen.push(event);
      options.observe?.(event);
    },
  });
  return {
    service,
    store,
    clock,
    seen,
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

export const attach: Attach = {
  kind: "Attach",
  beachId: "beach-1",
  managerUrl: "http://127.0.0.1:8080",
  requiredChannels: ["mgr-actions"],
  hostReports: false,
};
