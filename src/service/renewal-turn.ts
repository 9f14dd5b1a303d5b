import type { Renew } from "../core/command.ts";
import type { SessionId } from "../core/ids.ts";
import type { Refreshed } from "../core/lease/decide-refresh.ts";
import type { SessionRecord } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import type { Consequences } from "./consequences.ts";
import type { Asked, Decider } from "./decider.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { Outcome, Permit, RenewalTurn } from "./lease-service.ts";
import type { WatchHub } from "./watch/watch-hub.ts";

export interface RenewalDeps {
  readonly fleet: Fleet;
  readonly decider: Decider;
  readonly consequences: Consequences;
  readonly hub: Pick<WatchHub, "hostWatches">;
  /** Something else is being done to the session. */
  readonly isBusy: (id: SessionId) => boolean;
}

/** The moment at which a turn renews, and how far the wall clock is ahead of it. */
interface Moment {
  readonly now: EpochMs;
  readonly aheadMs: DurationMs;
}

/** Renews on the short road where it can, and counts what it did in one go. */
export class Renewals implements RenewalTurn {
  readonly #deps: RenewalDeps;
  readonly #moment: Moment;
  readonly #permit: Permit;
  #refreshed: Refreshed[] = [];

  constructor(deps: RenewalDeps, moment: Moment, permit: Permit) {
    this.#deps = deps;
    this.#moment = moment;
    this.#permit = permit;
  }

  now(): EpochMs {
    return this.#moment.now;
  }

  toWall(at: EpochMs): EpochMs {
    return at + this.#moment.aheadMs;
  }

  hostWatches(id: SessionId): boolean {
    return this.#deps.hub.hostWatches(id);
  }

  renew(id: SessionId, command: Renew): Outcome<Renew> | undefined {
    const { fleet, decider, isBusy } = this.#deps;
    const { now } = this.#moment;
    if (isBusy(id) || !fleet.gaps.isCurrent(id, now)) return undefined;
    const peeked = fleet.peek(id);
    if (peeked === "pending") return undefined;
    const call = { id, command, permit: this.#permit };
    const refreshed = peeked && decider.refresh(call, peeked, now);
    if (peeked === undefined || refreshed === undefined) {
      return this.#decide(call, peeked?.record);
    }
    const { session, deadline, answer } = refreshed;
    const change = {
      // The record's own text: that of the request is not kept.
      id: session.id,
      previous: peeked.record,
      next: session,
      deadline,
      durability: "behind",
    } as const;
    if (!fleet.commitNow(change)) return undefined;
    this.#refreshed.push(refreshed);
    return { kind: "accepted", session, answer };
  }

  [Symbol.dispose](): void {
    const refreshed = this.#refreshed;
    this.#refreshed = [];
    this.#deps.consequences.refreshed(refreshed, this.#moment.now);
  }

  #decide(call: Asked<Renew>, record: SessionRecord | undefined): Outcome<Renew> | undefined {
    const { fleet, decider, consequences } = this.#deps;
    const decided = decider.decide(call, record, this.#moment.now);
    const { change } = decided;
    if (change !== undefined && !fleet.commitNow(change)) return undefined;
    return consequences.outcome(call, decided);
  }
}
