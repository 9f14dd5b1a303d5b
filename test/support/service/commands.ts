import type { Acquire, Report } from "../../../src/core/command.ts";
import type { SessionService } from "../../../src/service/session-service.ts";

/** Takes a lease of the usual ttl, without an account and without a passcode. */
export function acquireCommand(service: SessionService, reason = "tile"): Acquire {
  return {
    kind: "Acquire",
    account: "",
    reason,
    ttlMs: undefined,
    nextLeaseId: service.nextLeaseId(),
    tokenHashesOf: (leaseId) => service.tokens.hashesOf(leaseId),
    attach: undefined,
  };
}

/** The manager reports that every channel of the handshake is ready. */
export function readyReport(handshakeId: string, sequence: number): Report {
  return {
    kind: "Report",
    end: "manager",
    handshakeId,
    transportId: "peer-1",
    connection: "connected",
    readyChannels: ["mgr-actions", "mgr-acks", "mgr-state"],
    openingChannels: [],
    oldestUnackedMs: 0,
    reporterId: "manager-1",
    sequence,
    observedAgeMs: 0,
    generation: 0,
  };
}
