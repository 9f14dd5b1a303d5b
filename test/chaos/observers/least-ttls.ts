import type { Policy } from "../../../src/core/policy.ts";
import type { DurationMs } from "../../../src/core/time.ts";
import type { Lease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { Ask } from "../../simulation/seen/ask.ts";

/**
 * The least ttl that anybody has asked for under each (session, account, reason): what a lease has
 * recorded is not shown, and a call that nobody was answered may have changed it.
 */
export class LeastTtls {
  readonly #policy: Policy;
  readonly #byKey = new Map<string, DurationMs>();
  readonly #keyOfToken = new Map<string, string>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  note(sessionId: string, ask: Ask): void {
    if (ask.kind === "Acquire") {
      const { leaseTtlMs } = this.#policy;
      this.#lower(keyOf(sessionId, ask.account, ask.reason), ask.ttlMs ?? leaseTtlMs);
    }
    if (ask.kind === "Renew" && ask.ttlMs !== undefined) {
      const key = this.#keyOfToken.get(ask.token);
      if (key !== undefined) this.#lower(key, ask.ttlMs);
    }
  }

  /** @param token with which the lease was shown, if it was */
  of(sessionId: string, { accountId, reason }: Lease, token: string | undefined): DurationMs {
    const key = keyOf(sessionId, accountId, reason);
    if (token !== undefined) this.#keyOfToken.set(token, key);
    return this.#byKey.get(key) ?? this.#policy.leaseTtlMsMin;
  }

  #lower(key: string, askedMs: DurationMs): void {
    const { leaseTtlMsMin, leaseTtlMsMax } = this.#policy;
    const ttlMs = Math.min(Math.max(askedMs, leaseTtlMsMin), leaseTtlMsMax);
    this.#byKey.set(key, Math.min(this.#byKey.get(key) ?? ttlMs, ttlMs));
  }
}

function keyOf(sessionId: string, account: string, reason: string): string {
  return [sessionId, account, reason].join(" ");
}
