import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";

import type { KeepAliveResult } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { type BackoffOptions, backoffMs, defaultBackoff } from "../calls/backoff.ts";
import { type CallFailure, callFailure, type EndedBy, toEndedBy } from "../calls/call-failure.ts";
import { deliver, type OnTrouble } from "../calls/callback.ts";
import { type CancelTimer, type ClientClock, systemClock } from "../calls/clock.ts";
import type { Renewal } from "./renewal-stream.ts";

/** A lease that is renewed for as long as it is live. */
export interface KeptLease {
  readonly sessionId: string;
  readonly controllerToken: string;
  /** Asked for with each renewal; unset: what was asked for last. */
  readonly ttlMs?: number;
  /** Never start a handshake. */
  readonly leaseOnly?: boolean;
  readonly onRenewed?: (result: KeepAliveResult) => unknown;
  /** A renewal failed; it is made again after `retryInMs`. */
  readonly onFailed?: (failure: CallFailure, retryInMs: number) => unknown;
  /** The service says that the lease has ended: it is renewed no more. */
  readonly onEnded?: (endedBy: EndedBy) => unknown;
}

export interface LeaseKeeperOptions {
  readonly renew: (renewal: Renewal) => Promise<KeepAliveResult>;
  readonly onTrouble?: OnTrouble;
  readonly backoff?: BackoffOptions;
  readonly clock?: ClientClock;
}

/** However soon the service wants a renewal, there is a pause before it. */
const renewAfterMsMin = 1_000;

/** What follows from the answer to a renewal. */
export type KeepDecision =
  | { readonly kind: "renew_again"; readonly afterMs: number }
  | { readonly kind: "retry"; readonly afterMs: number; readonly failure: CallFailure }
  | { readonly kind: "ended"; readonly endedBy: EndedBy };

/** Only the service's word ends a lease; whatever else goes wrong, the renewal is made again. */
export function decideKeep(
  answer: KeepAliveResult | CallFailure,
  failures: number,
  backoff: BackoffOptions,
): KeepDecision {
  if ("refusal" in answer && answer.refusal === "") {
    const renewAfterMs = answer.renewAfter === undefined ? 0 : durationMs(answer.renewAfter);
    return { kind: "renew_again", afterMs: Math.max(renewAfterMs, renewAfterMsMin) };
  }
  const failure = "refusal" in answer ? refusedFor(answer) : answer;
  if (failure.reason === "LEASE_NOT_LIVE") {
    return { kind: "ended", endedBy: failure.endedBy ?? "unknown" };
  }
  if (failure.reason === "SESSION_UNKNOWN") return { kind: "ended", endedBy: "unknown" };
  const afterMs = Math.max(backoffMs(failures, backoff), failure.retryAfterMs ?? 0);
  return { kind: "retry", afterMs, failure };
}

function refusedFor({ refusal, detail, endedBy, retryAfter }: KeepAliveResult): CallFailure {
  return {
    reason: refusal,
    message: detail,
    ...(endedBy !== "" && { endedBy: toEndedBy(endedBy) }),
    ...(retryAfter && { retryAfterMs: durationMs(retryAfter) }),
  };
}

/** Renews each of its leases when the service says. */
export class LeaseKeeper implements Disposable {
  readonly #options: LeaseKeeperOptions;
  readonly #clock: ClientClock;
  readonly #backoff: BackoffOptions;
  readonly #kept = new Set<Keeping>();

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#backoff = options.backoff ?? defaultBackoff;
  }

  /** Renews the lease at once, and then in time. Disposing what is returned leaves it to run out. */
  keep(lease: KeptLease): Disposable {
    const keeping: Keeping = { lease, failures: 0, cancel: () => undefined };
    this.#kept.add(keeping);
    void this.#renew(keeping);
    return { [Symbol.dispose]: () => this.#drop(keeping) };
  }

  [Symbol.dispose](): void {
    for (const keeping of [...this.#kept]) this.#drop(keeping);
  }

  #drop(keeping: Keeping): void {
    keeping.cancel();
    this.#kept.delete(keeping);
  }

  async #renew(keeping: Keeping): Promise<void> {
    const { sessionId, controllerToken, ttlMs, leaseOnly = false } = keeping.lease;
    const answer = await this.#options
      .renew({
        sessionId,
        controllerToken,
        leaseOnly,
        ...(ttlMs !== undefined && { ttl: durationFromMs(ttlMs) }),
      })
      .catch(callFailure);
    if (!this.#kept.has(keeping)) return;
    const decision = decideKeep(answer, keeping.failures, this.#backoff);
    this.#emit(keeping, answer, decision);
    if (decision.kind === "ended") return this.#drop(keeping);
    keeping.failures = decision.kind === "retry" ? keeping.failures + 1 : 0;
    keeping.cancel = this.#clock.startTimer(() => void this.#renew(keeping), decision.afterMs);
  }

  #emit({ lease }: Keeping, answer: KeepAliveResult | CallFailure, decision: KeepDecision): void {
    const { onTrouble } = this.#options;
    switch (decision.kind) {
      case "renew_again":
        if ("refusal" in answer) deliver("onRenewed", () => lease.onRenewed?.(answer), onTrouble);
        break;
      case "retry": {
        const { failure, afterMs } = decision;
        deliver("onFailed", () => lease.onFailed?.(failure, afterMs), onTrouble);
        break;
      }
      case "ended":
        deliver("onEnded", () => lease.onEnded?.(decision.endedBy), onTrouble);
    }
  }
}

interface Keeping {
  readonly lease: KeptLease;
  failures: number;
  cancel: CancelTimer;
}
