import type { Budgets } from "../budget/budgets.ts";
import type { Command, PassTime } from "../core/command.ts";
import type { BeachId, LeaseId, SessionId } from "../core/ids.ts";
import { decideRefresh } from "../core/lease/decide-refresh.ts";
import type { Policy } from "../core/policy.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Session, SessionRecord } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import { Consequences } from "./consequences.ts";
import { DeadlineLoop } from "./deadline-loop.ts";
import { type Asked, type Decided, Decider } from "./decider.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { fleetOf } from "./fleet/fleet-of.ts";
import type { StoreReach } from "./gaps/gap-keeper.ts";
import { type Backlog, type HandshakeCarrier, HandshakeDelivery } from "./handshake-delivery.ts";
import type { IdSource } from "./id-source.ts";
import { IdleKeeper } from "./idle-keeper.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import type {
  ControllerTokens,
  FleetSummary,
  LeaseService,
  Outcome,
  Permit,
  RenewalTurn,
  WatchCaller,
  WatchSelection,
  WatchStream,
} from "./lease-service.ts";
import { type RenewalDeps, Renewals } from "./renewal-turn.ts";
import type { ServiceObserver } from "./service-events.ts";
import {
  type SessionChange,
  type SessionStore,
  SessionUnreadable,
  StoreFault,
  StoreUnavailable,
} from "./session-store.ts";
import { refusalOf, storeAway } from "./store-refusal.ts";
import type { Clock, ClockJump } from "./time/clock.ts";
import { WallTime } from "./time/wall-time.ts";
import type { WatchFigures } from "./watch/watch-delivery.ts";
import { WatchHub } from "./watch/watch-hub.ts";

const commitAttemptsMax = 8;
const contendedRetryMs: DurationMs = 100;

export interface SessionServiceDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly policy: Policy;
  readonly tokens: ControllerTokens;
  readonly budgets: Budgets;
  readonly observe: ServiceObserver;
  /** The short road of renewals, where it is compared with the long one. */
  readonly refresh?: typeof decideRefresh | undefined;
  /** Brings handshakes to hosts that do not watch; without one, that is left to the callers. */
  readonly carrier?: HandshakeCarrier | undefined;
}

/**
 * Load, decide, commit: the one place where the core meets the store, the clock and the watchers.
 */
export class SessionService implements LeaseService, AsyncDisposable {
  readonly tokens: ControllerTokens;
  readonly #deps: SessionServiceDeps;
  readonly #queue = new KeyedQueue<SessionId>();
  readonly #fleet: Fleet;
  readonly #hub: WatchHub;
  readonly #deadlines: DeadlineLoop;
  readonly #idle: IdleKeeper;
  readonly #decider: Decider;
  readonly #consequences: Consequences;
  readonly #renewing: RenewalDeps;
  readonly #wallTime: WallTime;
  readonly #delivery: HandshakeDelivery;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #jumps: Disposable | undefined;

  constructor(deps: SessionServiceDeps) {
    this.#deps = deps;
    this.tokens = deps.tokens;
    this.#wallTime = new WallTime(deps.clock);
    this.#fleet = fleetOf(deps);
    const passTime = (id: SessionId): Promise<Outcome<PassTime>> =>
      this.execute(id, { kind: "PassTime" });
    this.#hub = new WatchHub({ ...deps, passTime });
    this.#deadlines = new DeadlineLoop({ ...deps, lookAgainMs: this.#fleet.lookAgainMs, passTime });
    this.#delivery = new HandshakeDelivery({
      ...deps,
      toWall: (at) => this.toWall(at),
      confirm: (id, handshakeId) => this.execute(id, { kind: "ConfirmDelivery", handshakeId }),
      closing: this.#stop.signal,
    });
    this.#idle = new IdleKeeper({ ...deps, readers: this.#hub.readers, passTime });
    this.#decider = new Decider({
      ...deps,
      fleet: this.#fleet,
      idle: this.#idle,
      hub: this.#hub,
      refresh: deps.refresh ?? decideRefresh,
      deliversHandshakes: deps.carrier !== undefined,
    });
    this.#consequences = new Consequences({
      ...deps,
      fleet: this.#fleet,
      deadlines: this.#deadlines,
      delivery: this.#delivery,
    });
    this.#renewing = {
      fleet: this.#fleet,
      decider: this.#decider,
      consequences: this.#consequences,
      hub: this.#hub,
      isBusy: (id) => this.#queue.isBusy(id),
    };
  }

  /** Reads the store, records the absence since the earlier run, and starts its loops. */
  async start(): Promise<void> {
    this.#jumps = this.#deps.clock.jumps((jump) => this.#noteJump(jump));
    await this.#fleet.gaps.start();
    await this.#fleet.start(this.#hub);
    const { signal } = this.#stop;
    this.#running = Promise.all([
      this.#fleet.gaps.run(signal),
      this.#deadlines.run(signal),
      this.#hub.run(signal),
      this.#idle.run(signal),
    ]);
  }

  /** Settles when its loops have ended: on disposal, or with the error that ended one. */
  get running(): Promise<unknown> {
    return this.#running;
  }

  /** Asks every watcher to reconnect later, and ends its stream. */
  drain(): void {
    this.#hub.drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#delivery.settled();
    this.#jumps?.[Symbol.dispose]();
  }

  execute<C extends Command>(
    id: SessionId,
    command: C,
    permit: Permit = anybody,
  ): Promise<Outcome<C>> {
    return this.#queue.run(id, () => this.#guarded({ id, command, permit }));
  }

  renewalTurn(permit: Permit): RenewalTurn {
    const moment = { now: this.now(), aheadMs: this.#wallTime.aheadMs };
    return new Renewals(this.#renewing, moment, permit);
  }

  watch(selection: WatchSelection, signal: AbortSignal, caller?: WatchCaller): WatchStream {
    return this.#hub.watch(selection, signal, caller);
  }

  watchTurn(names: number, connection: object | undefined): Promise<void> {
    return this.#hub.turnFor(names, connection);
  }

  async list(
    beachId: BeachId | undefined,
    after: SessionId | undefined,
    limit: number,
  ): Promise<readonly Session[]> {
    const records = await this.#deps.store.list({ beachId, after, limit });
    return records.filter((record) => record.kind === "attached");
  }

  async summarize(beachId: BeachId | undefined): Promise<FleetSummary> {
    const { figures } = this.#fleet;
    const [rates, counts] = await Promise.all([
      figures.ratesAt(this.now(), beachId),
      figures.count(beachId),
    ]);
    return { ...counts, ...rates };
  }

  find(id: SessionId): Promise<SessionRecord | undefined> {
    return this.#deps.store.load(id);
  }

  hostWatches(id: SessionId): boolean {
    return this.#hub.hostWatches(id);
  }

  /** How much of the store this process cannot reach; calls that need that are refused. */
  get reach(): StoreReach {
    return this.#fleet.gaps.reach;
  }

  /** What is wrong with a store that answers, with the remedy. */
  get storeFaults(): readonly string[] {
    return this.#fleet.storeFaults;
  }

  /** The store failed and has not answered since; calls that need it are refused. */
  get isStoreAway(): boolean {
    return this.#fleet.gaps.isStoreAway;
  }

  /** What was sent on watch streams. */
  get watchFigures(): WatchFigures {
    return this.#hub.figures;
  }

  /** The handshakes that wait for their delivery to a host that does not watch. */
  get deliveryBacklog(): Backlog {
    return this.#delivery.backlogAt(this.now());
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
    if (jump.kind === "suspended") this.#fleet.gaps.noteSuspend();
    this.#deps.observe({ kind: "clock", jump });
  }

  /** Store faults become a refusal. Anything else is rethrown. */
  async #guarded<C extends Command>(call: Asked<C>): Promise<Outcome<C>> {
    try {
      for (let attempt = 1; attempt <= commitAttemptsMax; attempt++) {
        const outcome = await this.#attempt(call);
        if (outcome !== "conflict") return outcome;
      }
      return this.#consequences.refused(call, undefined, contended);
    } catch (error) {
      if (!(error instanceof StoreFault)) throw error;
      this.#noteFault(call.id, error);
      return this.#consequences.refused(call, undefined, refusalOf(error));
    }
  }

  /**
   * Only a fault that concerns more than this session puts its bucket away. The store reports
   * unreadable records itself.
   */
  #noteFault(id: SessionId, error: StoreFault): void {
    if (error instanceof StoreUnavailable) this.#fleet.gaps.noteStoreFault(id);
    if (error instanceof SessionUnreadable) return;
    this.#deps.observe({ kind: "failed", where: "store", error });
  }

  async #attempt<C extends Command>(call: Asked<C>): Promise<Outcome<C> | "conflict"> {
    const { id } = call;
    const { gaps } = this.#fleet;
    if (gaps.isAway(id)) return this.#consequences.refused(call, undefined, storeAway);
    const recalled = this.#fleet.recall(id);
    if (recalled !== undefined) {
      const decided = this.#decider.decide(call, recalled);
      // Only a commit shows that the remembered record is still current.
      if (decided.change !== undefined) return await this.#commit(call, decided, decided.change);
    }
    const record = await this.#deps.store.load(id);
    // Not earlier: the loop may have stood still while the record was being loaded.
    await gaps.observe(this.now());
    if (gaps.isAway(id)) return this.#consequences.refused(call, undefined, storeAway);
    const decided = this.#decider.decide(call, record);
    if (decided.change === undefined) return this.#consequences.outcome(call, decided);
    return await this.#commit(call, decided, decided.change);
  }

  async #commit<C extends Command>(
    call: Asked<C>,
    decided: Decided<C>,
    change: SessionChange,
  ): Promise<Outcome<C> | "conflict"> {
    const result = await this.#deps.store.commit(change);
    if (result === "committed") return this.#consequences.outcome(call, decided);
    if (result === "unaware") await this.#fleet.gaps.catchUp(call.id);
    return "conflict";
  }
}

const anybody: Permit = () => undefined;

const contended: Refusal = { reason: "CONTENDED", retryAfterMs: contendedRetryMs };

/** A running service. */
export async function createSessionService(deps: SessionServiceDeps): Promise<SessionService> {
  const service = new SessionService(deps);
  await service.start();
  return service;
}
