import { durationMs } from "@bufbuild/protobuf/wkt";

import type { Lease } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { CheckLeaseResponse } from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { TransportPath, TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { type CallFailure, callFailure, type EndedBy } from "../calls/call-failure.ts";
import { after, type ClientClock, type Moment, momentOf, untilMs } from "../calls/clock.ts";

/** May this token send actions now, and which way do they go? */
export type LeaseCheck =
  | {
      readonly kind: "live";
      readonly lease: Lease;
      readonly path: TransportPath;
      readonly generation: bigint;
    }
  | { readonly kind: "not_live"; readonly endedBy: EndedBy };

export interface LeaseChecksOptions {
  readonly ask: (sessionId: string, controllerToken: string) => Promise<CheckLeaseResponse>;
  /** The session's state, as the watch showed it last. */
  readonly stateOf: (sessionId: string) => TransportState | undefined;
  /** No news of the watch is missing. */
  readonly isWatchCurrent: () => boolean;
  readonly clock: ClientClock;
}

/** An answer that may be used again. */
interface CachedCheck {
  readonly lease: Lease;
  readonly leaseVersion: bigint;
  readonly expiresAt: Moment;
}

const cachedMax = 10_000;

/**
 * A cached answer holds until the lease runs out by either clock, until the session's lease_version
 * moves, and only while the watch would show that.
 */
function isStillTrue(
  cached: CachedCheck,
  now: Moment,
  state: TransportState | undefined,
  isWatchCurrent: boolean,
): boolean {
  return (
    isWatchCurrent &&
    state?.leaseVersion === cached.leaseVersion &&
    untilMs(cached.expiresAt, now) > 0
  );
}

/** CheckLease with a cache, so that not each action asks the service. */
export class LeaseChecks {
  readonly #options: LeaseChecksOptions;
  readonly #cached = new Map<string, CachedCheck>();
  readonly #asking = new Map<string, Promise<LeaseCheck>>();

  constructor(options: LeaseChecksOptions) {
    this.#options = options;
  }

  /** Rejects when the service cannot be asked, and no cached answer holds. */
  async check(sessionId: string, controllerToken: string): Promise<LeaseCheck> {
    const key = `${sessionId}/${controllerToken}`;
    const { clock, stateOf, isWatchCurrent } = this.#options;
    const cached = this.#cached.get(key);
    const state = stateOf(sessionId);
    if (cached !== undefined && state !== undefined) {
      if (isStillTrue(cached, momentOf(clock), state, isWatchCurrent())) {
        const { path, generation } = state;
        return { kind: "live", lease: cached.lease, path, generation };
      }
      this.#cached.delete(key);
    }
    const asking = this.#asking.get(key) ?? this.#ask(key, sessionId, controllerToken);
    return await asking;
  }

  /** Those that ask about the same token at the same time share an answer. */
  #ask(key: string, sessionId: string, controllerToken: string): Promise<LeaseCheck> {
    const asking = this.#askNow(key, sessionId, controllerToken).finally(() =>
      this.#asking.delete(key),
    );
    this.#asking.set(key, asking);
    return asking;
  }

  async #askNow(key: string, sessionId: string, controllerToken: string): Promise<LeaseCheck> {
    const askedAt = momentOf(this.#options.clock);
    try {
      const answer = await this.#options.ask(sessionId, controllerToken);
      const { lease, path, generation, leaseVersion } = answer;
      if (lease === undefined) return { kind: "not_live", endedBy: "unknown" };
      const expiresInMs = lease.expiresIn === undefined ? 0 : durationMs(lease.expiresIn);
      this.#keep(key, { lease, leaseVersion, expiresAt: after(askedAt, expiresInMs) });
      return { kind: "live", lease, path, generation };
    } catch (error) {
      const ended = endOf(callFailure(error));
      if (ended === undefined) throw error;
      return { kind: "not_live", endedBy: ended };
    }
  }

  #keep(key: string, check: CachedCheck): void {
    this.#cached.delete(key);
    this.#cached.set(key, check);
    const [oldest] = this.#cached.keys();
    if (this.#cached.size > cachedMax && oldest !== undefined) this.#cached.delete(oldest);
  }
}

function endOf({ reason, endedBy }: CallFailure): EndedBy | undefined {
  if (reason === "LEASE_NOT_LIVE") return endedBy ?? "unknown";
  return reason === "SESSION_UNKNOWN" ? "unknown" : undefined;
}
