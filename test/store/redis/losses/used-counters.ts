import type { Lease } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportState } from "../../../../src/gen/beach/controller/v1/transport_pb.js";

/**
 * Remembers what each number of a session was used for, over every process and every incarnation of
 * the store: a generation names one handshake, an epoch one lease, a version one state, and a
 * lease version one count of leases.
 */
export class UsedCounters {
  /** Numbers that were used for two things. */
  readonly twice: string[] = [];
  readonly #uses = new Map<string, string>();

  see(state: TransportState | undefined): TransportState | undefined {
    if (state === undefined) return undefined;
    const { sessionId, version, generation, leaseVersion, handshakeId, liveLeases } = state;
    const shown = {
      path: state.path,
      health: state.health,
      generation: String(generation),
      handshakeId,
      negotiation: state.negotiation?.handshakeId,
      lingering: state.lingering?.handshakeId,
      change: state.lastChange,
      reason: state.lastChangeReason,
      leaseVersion: String(leaseVersion),
      liveLeases,
    };
    this.#use(`version ${version} of ${sessionId}`, JSON.stringify(shown));
    this.#use(`lease version ${leaseVersion} of ${sessionId}`, `${liveLeases} live leases`);
    if (generation > 0n) this.#use(`generation ${generation} of ${sessionId}`, handshakeId);
    return state;
  }

  seeLease(lease: Lease | undefined): Lease | undefined {
    if (lease === undefined) return undefined;
    this.#use(`epoch ${lease.epoch} of ${lease.sessionId}`, lease.leaseId);
    return lease;
  }

  #use(number: string, what: string): void {
    const before = this.#uses.get(number);
    if (before === undefined) this.#uses.set(number, what);
    else if (before !== what) this.twice.push(`${number}: ${before} and ${what}`);
  }
}
