import { Budgets } from "../../../src/budget/budgets.ts";
import type { Command } from "../../../src/core/command.ts";
import type { SessionId } from "../../../src/core/ids.ts";
import { defaultPolicy, type Policy, sharedPolicy } from "../../../src/core/policy.ts";
import type { Session } from "../../../src/core/session.ts";
import { controllerTokens } from "../../../src/service/controller-tokens.ts";
import { randomIds } from "../../../src/service/id-source.ts";
import type { Outcome } from "../../../src/service/lease-service.ts";
import type { ServiceEvent } from "../../../src/service/service-events.ts";
import { createSessionService, type SessionService } from "../../../src/service/session-service.ts";
import type { SharedStore } from "../../../src/service/session-store.ts";
import { type Clock, steeredClock, systemClock } from "../../../src/service/time/clock.ts";
import { openRedisStore } from "../../../src/store/redis/open-redis-store.ts";

/** A session service on Redis, as one of several processes, with all events for its observers. */
export interface RedisServiceUnderTest extends AsyncDisposable {
  readonly service: SessionService;
  readonly store: SharedStore;
  readonly clock: Clock;
  readonly seen: readonly ServiceEvent[];
}

export interface RedisServiceOptions {
  /** What the clock that is kept to Redis's goes by. */
  readonly base?: Clock;
  readonly acknowledgements?: number;
  readonly policy?: Partial<Policy>;
}

/** The key from which all of them derive their tokens. */
const tokenKey = Buffer.alloc(32, 7);

export async function redisService(
  url: string,
  options: RedisServiceOptions = {},
): Promise<RedisServiceUnderTest> {
  await using opened = new AsyncDisposableStack();
  const { base = systemClock(), acknowledgements = 0, policy } = options;
  const clock = steeredClock(base);
  const store = opened.use(await openRedisStore(url, { clock, acknowledgements }));
  const seen: ServiceEvent[] = [];
  const service = opened.use(
    await createSessionService({
      store,
      clock,
      ids: randomIds,
      policy: { ...sharedPolicy(defaultPolicy), ...policy },
      tokens: controllerTokens(tokenKey),
      budgets: new Budgets(),
      observe: (event) => seen.push(event),
    }),
  );
  const owned = opened.move();
  return { service, store, clock, seen, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The session as an accepted command leaves it. */
export async function accepted<C extends Command>(
  { service }: Pick<RedisServiceUnderTest, "service">,
  id: SessionId,
  command: C,
): Promise<Extract<Outcome<C>, { kind: "accepted" }> & { readonly session: Session }> {
  const outcome = await service.execute(id, command);
  if (outcome.kind === "refused") {
    throw new Error(`${command.kind} was refused: ${outcome.refusal.reason}`);
  }
  if (outcome.session.kind !== "attached") throw new Error(`${id} is not attached`);
  return { ...outcome, session: outcome.session };
}
