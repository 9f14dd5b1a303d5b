import { type HandshakeId, mintedAt } from "../../core/ids.ts";
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
  /** Left out where no handshake is there that a host could attach with. */
  readonly handshake_id?: string;
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
 * What a host can attach with. Old tiles relay their first reply and no later one, so there is
 * always something: on a refresh the handshake that is promoted, which changes nothing; without a
 * usable one the newest that is abandoned and may still win, or a hint that names no handshake.
 */
function presentAutoAttach(
  service: LeaseService,
  { session, answer: { negotiation } }: Held,
  passcode: string,
): LegacyAutoAttach {
  const { transport } = session;
  const rfc3339 = (at: EpochMs): string => toRfc3339(service.toWall(at));
  const hint = {
    private_beach_id: session.beachId,
    attach_code: passcode,
    manager_url: transport.managerUrl,
  };
  /** The moment in the id, so that every reply about a handshake tells the same one. */
  const named = (id: HandshakeId, otherwise: EpochMs) => ({
    handshake_id: id,
    issued_at: rfc3339(mintedAt(id) ?? otherwise),
  });
  if (negotiation.outcome === "renegotiate") {
    const { id, issuedAt, confirmBy, managerUrl: manager_url } = negotiation.offer;
    return { ...hint, ...named(id, issuedAt), manager_url, expires_at: rfc3339(confirmBy) };
  }
  const promoted = usableOf(transport.path);
  if (promoted) return { ...hint, ...named(promoted.id, promoted.promotedAt) };
  const abandoned = transport.abandoned.at(-1);
  if (abandoned === undefined) return { ...hint, issued_at: rfc3339(session.lastChange.at) };
  const { id, honouredUntil } = abandoned;
  return { ...hint, ...named(id, session.lastChange.at), expires_at: rfc3339(honouredUntil) };
}
