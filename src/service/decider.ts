import type { Command, DecisionContext, Renew } from "../core/command.ts";
import { nextDeadline, type Scheduled } from "../core/deadlines/deadline.ts";
import { decide } from "../core/decide.ts";
import type { Decision } from "../core/decision.ts";
import type { SessionId } from "../core/ids.ts";
import { assertSession } from "../core/invariants.ts";
import type { decideRefresh, Refreshed } from "../core/lease/decide-refresh.ts";
import type { Policy } from "../core/policy.ts";
import type { Refusal } from "../core/refusal.ts";
import type { SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { IdSource } from "./id-source.ts";
import type { IdleKeeper } from "./idle-keeper.ts";
import type { Permit } from "./lease-service.ts";
import { mayBeBehind } from "./may-be-behind.ts";
import type { SessionChange } from "./session-store.ts";
import type { Clock } from "./time/clock.ts";
import type { WatchHub } from "./watch/watch-hub.ts";

/** A command, its session, and its permit. */
export interface Asked<C extends Command> {
  readonly id: SessionId;
  readonly command: C;
  readonly permit: Permit;
}

/** The result of a command on one record, and the change to commit before it counts. */
export type Decided<C extends Command> =
  | { readonly decision: Decision<C>; readonly change: SessionChange | undefined }
  | { readonly refusal: Refusal; readonly change: undefined };

interface DeciderDeps {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly policy: Policy;
  readonly fleet: Fleet;
  readonly idle: Pick<IdleKeeper, "isWatched">;
  readonly hub: Pick<WatchHub, "hostWatches">;
  /** The short road of renewals. */
  readonly refresh: typeof decideRefresh;
  /** Whether handshakes are brought to hosts that do not watch. */
  readonly deliversHandshakes: boolean;
}

/**
 * Hands the core a command, a record, and what this process knows besides: the time, the gaps, the
 * counts of the fleet, and who watches. Works out the change that the decision asks for, and
 * commits nothing.
 */
export class Decider {
  readonly #deps: DeciderDeps;

  constructor(deps: DeciderDeps) {
    this.#deps = deps;
  }

  /** A renewal that only moves an expiry; undefined for one that has to be decided otherwise. */
  refresh(
    { id, command, permit }: Asked<Renew>,
    scheduled: Scheduled,
    now: EpochMs,
  ): Refreshed | undefined {
    const { policy, ids: entropy, fleet, refresh } = this.#deps;
    if (permit(scheduled.record) !== undefined) return undefined;
    const gaps = fleet.gaps.gapsOf(id);
    const incarnation = fleet.gaps.incarnationOf(id);
    return refresh(scheduled, command, { now, policy, gaps, incarnation, entropy });
  }

  /** The permit is checked on the record that the decision is made on. */
  decide<C extends Command>(
    { id, command, permit }: Asked<C>,
    record: SessionRecord | undefined,
    now: EpochMs = this.#deps.clock.now(),
  ): Decided<C> {
    const { fleet } = this.#deps;
    const refusal = permit(record);
    if (refusal !== undefined) return { refusal, change: undefined };
    const known = fleet.withKept(id, record);
    const context = this.#context(id, known, now);
    const decision = decide(id, known, command, context);
    const { events } = decision;
    const needsNoCommit = events.length === 0 || fleet.spares(events);
    return {
      decision,
      change: needsNoCommit ? undefined : this.#change(id, known, decision, now),
    };
  }

  #context(id: SessionId, record: SessionRecord | undefined, now: EpochMs): DecisionContext {
    const { policy, ids, fleet, idle, hub, deliversHandshakes } = this.#deps;
    return {
      now,
      policy,
      gaps: fleet.gaps.gapsOf(id),
      incarnation: fleet.gaps.incarnationOf(id),
      entropy: ids,
      negotiationsInFlight: (managerUrl) => fleet.figures.negotiationsInFlight(managerUrl),
      populationOf: (beachId) => fleet.populations.of(beachId, now),
      watched: idle.isWatched(id, record?.beachId),
      hostWatches: hub.hostWatches(id),
      deliversHandshakes,
    };
  }

  #change(
    id: SessionId,
    previous: SessionRecord | undefined,
    { session: next, events }: Decision<Command>,
    now: EpochMs,
  ): SessionChange {
    const { policy, fleet } = this.#deps;
    const isPlain = events.every(mayBeBehind);
    if (next !== undefined && !isPlain) assertSession(next, policy);
    const basis = fleet.gaps.basisOf(id, now);
    return {
      id,
      previous,
      next,
      deadline: next && nextDeadline(next, policy),
      durability: isPlain ? "behind" : "durable",
      ...(basis && { basis }),
    };
  }
}
