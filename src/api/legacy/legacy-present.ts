import { mintedAt } from "../../core/ids.ts";
import type { EpochMs } from "../../core/time.ts";
import { usableOf } from "../../core/view.ts";
import type { LeaseService } from "../../service/lease-service.ts";
import type { Held } from "../leases/present-lease.ts";
import { toRfc3339 } from "../moments.ts";

/** What the old handshake routes answer, to the letter. */
export interface LegacyHandshakeReply {
  readonly private_beach_id: string;
  readonly manager_url: string;
  readonly controller_token: string;
  readonly lease_expires_at_ms: number;
  readonly stale_session_idle_secs: number;
  readonly viewer_health_interval_secs: number;
  readonly controller_auto_attach?: LegacyAutoAttach;
  readonly handshake_kind: "refresh" | "renegotiate";
}

/** What a tile relays to the host inside `manager_handshake`. */
interface LegacyAutoAttach {
  readonly private_beach_id: string;
  readonly attach_code: string;
  readonly manager_url: string;
  /** RFC 3339, as `expires_at`. */
  readonly issued_at: string;
  readonly expires_at?: string;
  readonly handshake_id: string;
}

/** What the old lease route answers. */
export interface LegacyLeaseReply {
  readonly controller_token: string;
  readonly expires_at_ms: number;
}

/** @param passcode the request's, which the host is to attach with; empty where there is none */
export function presentLegacyHandshake(
  service: LeaseService,
  held: Held,
  passcode: string,
): LegacyHandshakeReply {
  const { session, answer } = held;
  const autoAttach = passcode === "" ? undefined : presentAutoAttach(service, held, passcode);
  const lease = presentLegacyLease(service, held);
  return {
    private_beach_id: session.beachId,
    manager_url: session.transport.managerUrl,
    controller_token: lease.controller_token,
    lease_expires_at_ms: lease.expires_at_ms,
    stale_session_idle_secs: 60,
    viewer_health_interval_secs: 15,
    ...(autoAttach === undefined ? {} : { controller_auto_attach: autoAttach }),
    handshake_kind: answer.negotiation.outcome,
  };
}

export function presentLegacyLease(
  service: LeaseService,
  { answer: { lease } }: Held,
): LegacyLeaseReply {
  return {
    controller_token: service.tokens.of(lease.id, lease.tokenHashes),
    expires_at_ms: Math.floor(service.toWall(lease.expiresAt)),
  };
}

/**
 * On a refresh it names the handshake that is promoted already, so that a tile which relays it
 * changes nothing; without a usable one there is nothing to relay.
 */
function presentAutoAttach(
  service: LeaseService,
  { session, answer: { negotiation } }: Held,
  passcode: string,
): LegacyAutoAttach | undefined {
  const common = { private_beach_id: session.beachId, attach_code: passcode };
  const rfc3339 = (at: EpochMs): string => toRfc3339(service.toWall(at));
  if (negotiation.outcome === "renegotiate") {
    const { offer } = negotiation;
    return {
      ...common,
      manager_url: offer.managerUrl,
      issued_at: rfc3339(offer.issuedAt),
      expires_at: rfc3339(offer.confirmBy),
      handshake_id: offer.id,
    };
  }
  const promoted = usableOf(session.transport.path);
  return promoted === undefined
    ? undefined
    : {
        ...common,
        manager_url: session.transport.managerUrl,
        issued_at: rfc3339(mintedAt(promoted.id) ?? promoted.promotedAt),
        handshake_id: promoted.id,
      };
}
