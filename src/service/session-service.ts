import type { Budgets } from "../budget/budgets.ts";
import type { Command, DecisionContext, LeaseAnswer, PassTime } from "../core/command.ts";
import { nextDeadline } from "../core/deadlines/deadline.ts";
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
import type { Clock, ClockJump } from "./clock.ts";
import { DeadlineLoop } from "./deadline-loop.ts";
import type { FleetCounts, RateCounter } from "./figures/fleet-counts.ts";
import { RateKeeper } from "./figures/fleet-rates.ts";
import { FleetTally } from "./figures/fleet-tally.ts";
import { Populations } from "./figures/populations.ts";
import { FleetGapKeeper } from "./gaps/fleet-gap-keeper.ts";
import type { GapKeeper, StoreReach } from "./gaps/gap-keeper.ts";
import { ProcessGapKeeper } from "./gaps/process-gap-keeper.ts";
import type { IdSource } from "./id-source.ts";
import { IdleKeeper } from "./idle-keeper.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import type {
  ControllerTokens,
  FleetSummary,
  LeaseService,
  Outcome,
  WatchCaller,
  WatchSelection,
  WatchStream,
} from "./lease-service.ts";
import { ReportPlaces } from "./report-places.ts";
import type { ServiceObserver } from "./service-events.ts";
import {
  type SessionChange,
  type SessionStore,
  SessionUnreadable,
  type SharedStore,
  StoreFault,
  StoreUnavailable,
} from "./session-store.ts";
import { refusalOf, storeAway } from "./store-refusal.ts";
import { WallTime } from "./wall-time.ts";
import { WatchHub } from "./watch/watch-hub.ts";

const commitAttemptsMax = 8;
const contendedRetryMs: DurationMs = 100;
const listPage = 1000;

export interface SessionServiceDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly policy: Policy;
  readonly tokens: ControllerTokens;
  readonly budgets: Budgets;
  readonly observe: ServiceObserver;
}

/** Load, decide, commit: the one place where the core meets store, clock and watchers. */
export class SessionService implements LeaseService, AsyncDisposable {
  readonly tokens: ControllerTokens;
  readonly #deps: SessionServiceDeps;
  readonly #queue = new KeyedQueue<SessionId>();
  /** Of a store that this process alone holds; a shared one counts by itself. */
  readonly #tally = new FleetTally();
  readonly #rates: RateCounter;
  readonly #populations: Populations;
  readonly #gaps: GapKeeper;
  readonly #hub: WatchHub;
  readonly #deadlines: DeadlineLoop;
  readonly #idle: IdleKeeper;
  readonly #places = new ReportPlaces();
  readonly #wallTime: WallTime;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #jumps: Disposable | undefined;

  constructor(deps: SessionServiceDeps) {
    this.#deps = deps;
    this.tokens = deps.tokens;
    this.#wallTime = new WallTime(deps.clock);
    this.#rates = deps.store.kind === "shared" ? deps.store : new RateKeeper();
    this.#populations = new Populations(this.#counter);
    this.#gaps = this.#gapKeeper();
    const passTime = (id: SessionId): Awaitable<Outcome<PassTime>> =>
      this.execute(id, { kind: "PassTime" });
    this.#hub = new WatchHub({ ...deps, passTime });
    this.#deadlines = new DeadlineLoop({ ...deps, passTime });
    const { bySession, byBeach } = this.#hub;
    this.#idle = new IdleKeeper({ ...deps, bySession, byBeach, passTime });
  }

  /** Takes stock of the store, records the absence since the earlier run, and starts to work. */
  async start(): Promise<void> {
    const { store, clock } = this.#deps;
    this.#jumps = clock.jumps((jump) => this.#noteJump(jump));
    await this.#gaps.start();
    if (store.kind === "sole") await this.#takeStock();
    else store.follow(this.#hub);
    store.changes((notice) => {
      // Here and not after the commit: one whose acknowledgement was lost has changed the count too.
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

  /** Settles when its loops have ended: once it is disposed of, or with the bug that ended one. */
  get running(): Promise<unknown> {
    return this.#running;
  }

  /** Tells every watcher to come back later, and ends their streams. */
  drain(): void {
    this.#hub.drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#jumps?.[Symbol.dispose]();
  }

  execute<C extends Command>(id: SessionId, command: C): Awaitable<Outcome<C>> {
    return this.#queue.run(id, () => this.#guarded(id, command));
  }

  watch(selection: WatchSelection, signal: AbortSignal, caller?: WatchCaller): WatchStream {
    return this.#hub.watch(selection, signal, caller);
  }

  expectWatchRoom(names: number, connection: object | undefined): void {
    this.#hub.expectRoom(names, connection);
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

  async summarize(beachId: BeachId | undefined): Promise<FleetSummary> {
    const [rates, counts] = await Promise.all([
      this.#rates.ratesAt(this.now(), beachId),
      this.#count(beachId),
    ]);
    return { ...counts, ...rates };
  }

  find(id: SessionId): Awaitable<SessionRecord | undefined> {
    return this.#deps.store.load(id);
  }

  hostWatches(id: SessionId): boolean {
    return this.#hub.hostWatches(id);
  }

  /** How much of the store this process cannot reach; calls that need that are refused. */
  get reach(): StoreReach {
    return this.#gaps.reach;
  }

  /** What is wrong with a store that answers, with the remedy. */
  get storeFaults(): readonly string[] {
    const { store } = this.#deps;
    return store.kind === "shared" ? store.faults : [];
  }

  /** The store failed and has not answered since; calls that need it are refused. */
  get isStoreAway(): boolean {
    return this.#gaps.isStoreAway;
  }

  now(): EpochMs {
    return this.#deps.clock.now();
  }

  toWall(at: EpochMs): EpochMs {
    return this.#wallTime.toWall(at);
  }

  nextLeaseId(): LeaseId {
    return this.#deps.ids.leaseId();
  }

  #noteJump(jump: ClockJump): void {
    if (jump.kind === "suspended") this.#gaps.noteSuspend();
    this.#deps.observe({ kind: "clock", jump });
  }

  /** Store faults become a refusal; everything else that throws is a bug and goes on. */
  #guarded<C extends Command>(id: SessionId, command: C): Awaitable<Outcome<C>> {
    if (this.#gaps.isAway(id)) return this.#refused(id, command, undefined, storeAway);
    return orElse(
      () => this.#attempt(id, command, 1),
      (error) => {
        if (!(error instanceof StoreFault)) throw error;
        this.#noteFault(id, error);
        return this.#refused(id, command, undefined, refusalOf(error));
      },
    );
  }

  /** Only what concerns more than the session keeps others away; of a record the store tells. */
  #noteFault(id: SessionId, error: StoreFault): void {
    if (error instanceof StoreUnavailable) this.#gaps.noteStoreFault(id);
    if (error instanceof SessionUnreadable) return;
    this.#deps.observe({ kind: "trouble", where: "store", error });
  }

  #attempt<C extends Command>(id: SessionId, command: C, attempt: number): Awaitable<Outcome<C>> {
    const { store } = this.#deps;
    const recalled = store.kind === "shared" ? store.recall(id) : undefined;
    if (recalled !== undefined) {
      return this.#decide(id, command, { record: recalled, isCurrent: false, attempt });
    }
    return this.#decideOnLoaded(id, command, attempt);
  }

  #decideOnLoaded<C extends Command>(
    id: SessionId,
    command: C,
    attempt: number,
  ): Awaitable<Outcome<C>> {
    return whenReady(this.#deps.store.load(id), (record) =>
      // Not before: the loop may have stood still while the record was on its way.
      whenReady(this.#gaps.observe(this.now()), () =>
        this.#decide(id, command, { record, isCurrent: true, attempt }),
      ),
    );
  }

  #decide<C extends Command>(
    id: SessionId,
    command: C,
    { record, isCurrent, attempt }: Read,
  ): Awaitable<Outcome<C>> {
    if (this.#gaps.isAway(id)) return this.#refused(id, command, undefined, storeAway);
    const known = this.#places.within(id, record);
    const context = this.#context(id, known);
    const decision = decide(id, known, command, context);
    if (this.#needsNoCommit(decision.events)) {
      // Only a commit shows that what was recalled is still so.
      if (!isCurrent) return this.#decideOnLoaded(id, command, attempt);
      if (decision.events.length > 0) this.#places.keep(id, decision.session);
      return this.#outcome(id, command, decision);
    }
    const change = this.#change(id, known, decision, context.now);
    return whenReady(this.#deps.store.commit(change), (result) => {
      if (result === "committed") {
        this.#tell(change, decision.events);
        return this.#outcome(id, command, decision);
      }
      const again = (): Awaitable<Outcome<C>> => this.#retry(id, command, attempt);
      return result === "unaware" ? this.#gaps.catchUp(id).then(again) : again();
    });
  }

  /** What a shared store is spared, this process keeps. */
  #needsNoCommit(events: readonly SessionEvent[]): boolean {
    if (events.length === 0) return true;
    return this.#deps.store.kind === "shared" && events.every(isSpared);
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
      gaps: this.#gaps.gapsOf(id),
      history: this.#gaps.historyOf(id),
      entropy: this.#deps.ids,
      negotiationsInFlight: (managerUrl) => this.#counter.negotiationsInFlight(managerUrl),
      populationOf: (beachId) => this.#populations.of(beachId, this.now()),
      watched: this.#idle.isWatched(id, record?.beachId),
    };
  }

  #change(
    id: SessionId,
    previous: SessionRecord | undefined,
    { session: next, events }: Decision<Command>,
    now: EpochMs,
  ): SessionChange {
    const isPlain = events.every(mayBeBehind);
    if (next !== undefined && !isPlain) assertSession(next, this.#deps.policy);
    const basis = this.#gaps.basisOf(id, now);
    return {
      id,
      previous,
      next,
      deadline: next && nextDeadline(next, this.#deps.policy),
      durability: isPlain ? "behind" : "durable",
      ...(basis && { basis }),
    };
  }

  #tell(change: SessionChange, events: readonly SessionEvent[]): void {
    const { id: sessionId, previous, next, deadline } = change;
    this.#deadlines.notice(deadline);
    const beachId = next?.beachId;
    for (const event of events) {
      if (event.kind === "SessionAttached") this.#populations.noteAttached(event.beachId, event.at);
      if (event.kind === "HandshakeStarted" && beachId !== undefined) {
        this.#rates.noteNegotiation(beachId, event.at);
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
    if (session !== undefined) this.#rates.noteRenewal(session.beachId, this.now());
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

  #gapKeeper(): GapKeeper {
    const { store } = this.#deps;
    if (store.kind === "shared") return new FleetGapKeeper({ ...this.#deps, store });
    const isNeeded = (): boolean => this.#tally.count(undefined).sessions > 0;
    return new ProcessGapKeeper({ ...this.#deps, store, isNeeded });
  }

  get #counter(): SharedStore | FleetTally {
    return this.#deps.store.kind === "shared" ? this.#deps.store : this.#tally;
  }

  #count(beachId: BeachId | undefined): Awaitable<FleetCounts> {
    return this.#counter.count(beachId);
  }

  async #takeStock(): Promise<void> {
    let after: SessionId | undefined;
    do {
      const records = await this.#deps.store.list({ beachId: undefined, after, limit: listPage });
      for (const next of records) this.#tally.note({ id: next.id, previous: undefined, next });
      after = records.length < listPage ? undefined : records.at(-1)?.id;
    } while (after !== undefined);
  }
}

/** What a crash may take back: nobody was promised it for longer, or shown it at all. */
function mayBeBehind(event: SessionEvent): boolean {
  const isPlain = event.kind === "LeaseExtended" && event.plain;
  return event.kind === "SessionTouched" || isPlain || isSpared(event);
}

function isSpared({ kind }: SessionEvent): boolean {
  return kind === "ReportPlaced";
}

/** What a decision is made on. */
interface Read {
  readonly record: SessionRecord | undefined;
  /** The store said so just now; what is recalled may be out of date. */
  readonly isCurrent: boolean;
  readonly attempt: number;
}

/** A service that has taken stock of its store and is at work. */
export async function createSessionService(deps: SessionServiceDeps): Promise<SessionService> {
  const service = new SessionService(deps);
  await service.start();
  return service;
}
