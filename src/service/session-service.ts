import type { Command, DecisionContext, LeaseAnswer, PassTime } from "../core/command.ts";
import { nextDeadline } from "../core/deadline.ts";
import { decide } from "../core/decide.ts";
import type { Decision } from "../core/decision.ts";
import type { SessionEvent } from "../core/event.ts";
import type { BeachId, LeaseId, SessionId } from "../core/ids.ts";
import { assertSession } from "../core/invariants.ts";
import type { Policy } from "../core/policy.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Session, SessionRecord } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import { type Awaitable, orElse, whenReady } from "./awaitable.ts";
import type { Clock } from "./clock.ts";
import { DeadlineLoop } from "./deadline-loop.ts";
import { FleetTally } from "./fleet-tally.ts";
import { GapKeeper } from "./gap-keeper.ts";
import type { IdSource } from "./id-source.ts";
import { IdleKeeper } from "./idle-keeper.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import type {
  ControllerTokens,
  FleetSummary,
  LeaseService,
  Outcome,
  WatchMessage,
  WatchSelection,
} from "./lease-service.ts";
import type { ServiceObserver } from "./service-events.ts";
import { type SessionChange, type SessionStore, StoreUnavailable } from "./session-store.ts";
import { WatchHub } from "./watch-hub.ts";

const commitAttemptsMax = 8;
const contendedRetryMs: DurationMs = 100;
const storeRetryMs: DurationMs = 1000;
const listPage = 1000;

export interface SessionServiceDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly policy: Policy;
  readonly tokens: ControllerTokens;
  readonly observe: ServiceObserver;
}

/** Load, decide, commit: the one place where the core meets store, clock and watchers. */
export class SessionService implements LeaseService, AsyncDisposable {
  readonly tokens: ControllerTokens;
  readonly #deps: SessionServiceDeps;
  readonly #queue = new KeyedQueue<SessionId>();
  readonly #tally = new FleetTally();
  readonly #gaps: GapKeeper;
  readonly #hub: WatchHub;
  readonly #deadlines: DeadlineLoop;
  readonly #idle: IdleKeeper;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(deps: SessionServiceDeps) {
    this.#deps = deps;
    this.tokens = deps.tokens;
    const isNeeded = (): boolean => this.#tally.sessions > 0;
    this.#gaps = new GapKeeper({ ...deps, isNeeded });
    this.#hub = new WatchHub(deps);
    const passTime = (id: SessionId): Awaitable<Outcome<PassTime>> =>
      this.execute(id, { kind: "PassTime" });
    this.#deadlines = new DeadlineLoop({ ...deps, passTime });
    const { bySession, byBeach } = this.#hub;
    this.#idle = new IdleKeeper({ ...deps, bySession, byBeach, passTime });
  }

  /** Takes stock of the store, records the absence since the earlier run, and starts to work. */
  async start(): Promise<void> {
    const { store } = this.#deps;
    for await (const record of this.#everySession()) {
      this.#tally.note({ id: record.id, previous: undefined, next: record });
    }
    await this.#gaps.start();
    store.changes((notice) => {
      this.#tally.note(notice);
      this.#hub.notify(notice);
    });
    const { signal } = this.#stop;
    this.#running = Promise.all([
      this.#gaps.run(signal),
      this.#deadlines.run(signal),
      this.#hub.run(signal),
      this.#idle.run(signal),
    ]);
  }

  /** Tells every watcher to come back later, and ends their streams. */
  drain(): void {
    this.#hub.drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  execute<C extends Command>(id: SessionId, command: C): Awaitable<Outcome<C>> {
    return this.#queue.run(id, () => this.#guarded(id, command));
  }

  watch(
    selection: WatchSelection,
    signal: AbortSignal,
    breakOff?: () => void,
  ): AsyncIterable<WatchMessage> {
    return this.#hub.watch(selection, signal, breakOff);
  }

  list(
    beachId: BeachId | undefined,
    after: SessionId | undefined,
    limit: number,
  ): Awaitable<readonly Session[]> {
    return whenReady(this.#deps.store.list({ beachId, after, limit }), (records) =>
      records.filter((record) => record.kind === "attached"),
    );
  }

  summarize(beachId: BeachId | undefined): FleetSummary {
    return this.#tally.summarize(beachId, this.now());
  }

  find(id: SessionId): Awaitable<SessionRecord | undefined> {
    return this.#deps.store.load(id);
  }

  hostWatches(id: SessionId): boolean {
    return this.#hub.hostWatches(id);
  }

  /** The store failed and has not answered since; calls that need it are refused. */
  get isStoreAway(): boolean {
    return this.#gaps.isStoreAway;
  }

  now(): EpochMs {
    return this.#deps.clock.now();
  }

  toWall(at: EpochMs): EpochMs {
    return this.#deps.clock.wall() + (at - this.#deps.clock.now());
  }

  nextLeaseId(): LeaseId {
    return this.#deps.ids.leaseId();
  }

  /** Store faults become a refusal; everything else that throws is a bug and goes on. */
  #guarded<C extends Command>(id: SessionId, command: C): Awaitable<Outcome<C>> {
    if (this.#gaps.isStoreAway) return this.#refused(id, command, undefined, storeAway);
    return orElse(
      () => this.#attempt(id, command, 1),
      (error) => {
        if (!(error instanceof StoreUnavailable)) throw error;
        this.#gaps.noteStoreFault();
        this.#deps.observe({ kind: "trouble", where: "store", error });
        return this.#refused(id, command, undefined, storeAway);
      },
    );
  }

  #attempt<C extends Command>(id: SessionId, command: C, attempt: number): Awaitable<Outcome<C>> {
    return whenReady(this.#deps.store.load(id), (record) =>
      // Not before: the loop may have stood still while the record was on its way.
      whenReady(this.#gaps.observe(this.now()), () => this.#decide(id, command, record, attempt)),
    );
  }

  #decide<C extends Command>(
    id: SessionId,
    command: C,
    record: SessionRecord | undefined,
    attempt: number,
  ): Awaitable<Outcome<C>> {
    if (this.#gaps.isStoreAway) return this.#refused(id, command, undefined, storeAway);
    const decision = decide(id, record, command, this.#context(id, record));
    if (decision.events.length === 0) return this.#outcome(id, command, decision);
    const change = this.#change(id, record, decision);
    return whenReady(this.#deps.store.commit(change), (result) => {
      if (result === "conflict") return this.#retry(id, command, attempt);
      this.#tell(change, decision.events);
      return this.#outcome(id, command, decision);
    });
  }

  #retry<C extends Command>(id: SessionId, command: C, attempt: number): Awaitable<Outcome<C>> {
    if (attempt < commitAttemptsMax) return this.#attempt(id, command, attempt + 1);
    const refusal: Refusal = { reason: "CONTENDED", retryAfterMs: contendedRetryMs };
    return this.#refused(id, command, undefined, refusal);
  }

  #context(id: SessionId, record: SessionRecord | undefined): DecisionContext {
    return {
      now: this.now(),
      policy: this.#deps.policy,
      gaps: this.#gaps.gaps,
      entropy: this.#deps.ids,
      negotiationsInFlight: (managerUrl) => this.#tally.negotiationsInFlight(managerUrl),
      watched: this.#idle.isWatched(id, record?.beachId),
    };
  }

  #change(
    id: SessionId,
    previous: SessionRecord | undefined,
    { session: next, events }: Decision<Command>,
  ): SessionChange {
    const isPlain = events.every(mayBeBehind);
    if (next !== undefined && !isPlain) assertSession(next);
    return {
      id,
      previous,
      next,
      deadline: next && nextDeadline(next, this.#deps.policy),
      durability: isPlain ? "behind" : "durable",
    };
  }

  #tell(
    { id: sessionId, previous, next, deadline }: SessionChange,
    events: readonly SessionEvent[],
  ): void {
    this.#deadlines.notice(deadline);
    const beachId = next?.beachId;
    for (const event of events) {
      if (event.kind === "HandshakeStarted" && beachId !== undefined) {
        this.#tally.noteNegotiation(beachId, event.at);
      }
      this.#deps.observe({ kind: "happened", sessionId, event, previous, next });
    }
  }

  #outcome<C extends Command>(id: SessionId, command: C, decision: Decision<C>): Outcome<C> {
    const { session } = decision;
    if (decision.kind === "refused") return this.#refused(id, command, session, decision.refusal);
    if (session === undefined && command.kind !== "PassTime") {
      throw new Error(`${command.kind} was accepted on nothing`);
    }
    if (command.kind === "Acquire" || command.kind === "Renew") {
      this.#noteRenewal(id, command.kind, session, decision.answer as LeaseAnswer);
    }
    return { kind: "accepted", session: session as SessionRecord, answer: decision.answer };
  }

  #noteRenewal(
    sessionId: SessionId,
    command: "Acquire" | "Renew",
    session: SessionRecord | undefined,
    { negotiation }: LeaseAnswer,
  ): void {
    if (session !== undefined) this.#tally.noteRenewal(session.beachId, this.now());
    const joined = negotiation.outcome === "renegotiate" && negotiation.joined;
    this.#deps.observe({
      kind: "renewed",
      sessionId,
      command,
      outcome: negotiation.outcome,
      joined,
    });
  }

  #refused<C extends Command>(
    sessionId: SessionId,
    command: C,
    session: SessionRecord | undefined,
    refusal: Refusal,
  ): Outcome<C> {
    const { reason } = refusal;
    this.#deps.observe({ kind: "refused", sessionId, command: command.kind, reason });
    return { kind: "refused", session, refusal };
  }

  async *#everySession(): AsyncGenerator<SessionRecord> {
    let after: SessionId | undefined;
    do {
      const records = await this.#deps.store.list({ beachId: undefined, after, limit: listPage });
      yield* records;
      after = records.length < listPage ? undefined : records.at(-1)?.id;
    } while (after !== undefined);
  }
}

/** What a crash may take back: nobody was promised it for longer, or shown it at all. */
function mayBeBehind(event: SessionEvent): boolean {
  return event.kind === "SessionTouched" || (event.kind === "LeaseExtended" && event.plain);
}

const storeAway: Refusal = { reason: "STORE_UNAVAILABLE", retryAfterMs: storeRetryMs };

/** A service that has taken stock of its store and is at work. */
export async function createSessionService(deps: SessionServiceDeps): Promise<SessionService> {
  const service = new SessionService(deps);
  await service.start();
  return service;
}
