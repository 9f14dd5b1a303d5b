import type { PublishToken } from "../../auth/publish-token.ts";
import type { NegotiationAnswer } from "../../core/command.ts";
import { type HandshakeId, mintedAt } from "../../core/ids.ts";
import type { Lease, Session } from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import { usableOf } from "../../core/view.ts";
import type { LeaseService } from "../../service/lease-service.ts";
import type { Held } from "../leases/present-lease.ts";
import { toRfc3339 } from "../moments.ts";

type LegacySource = Pick<LeaseService, "toWall"> & {
  readonly tokens: Pick<LeaseService["tokens"], "of">;
};

interface LegacyLeased {
  readonly private_beach_id: string;
  readonly manager_url: string;
  readonly controller_token: string;
  readonly lease_expires_at_ms: number;
  readonly stale_session_idle_secs: number;
  readonly viewer_health_interval_secs: number;
}

interface LegacyToken {
  readonly token: string;
  readonly expires_at_ms: number;
  readonly scopes: readonly string[];
}

/** What the old handshake routes answer, to the letter. */
export interface LegacyHandshakeReply extends LegacyLeased {
  readonly controller_auto_attach?: LegacyAutoAttach;
  /** With which the host publishes while nobody controls it. */
  readonly idle_publish_token?: LegacyToken;
  readonly handshake_kind: "refresh" | "renegotiate";
}

/** What a tile relays to the host inside `manager_handshake`. */
interface LegacyAutoAttach {
  readonly private_beach_id: string;
  /** Left out of a message to the host where nobody knows it. */
  readonly attach_code?: string;
  readonly manager_url: string;
  /** RFC 3339, as `expires_at`. */
  readonly issued_at: string;
  readonly expires_at?: string;
  /** Left out when there is no handshake that a host could attach with. */
  readonly handshake_id?: string;
}

/** What the old lease route answers. */
export interface LegacyLeaseReply {
  readonly controller_token: string;
  readonly expires_at_ms: number;
}

interface HandedOver {
  /** The request's, which the host is to attach with; empty where there is none. */
  readonly passcode: string;
  readonly publishToken: PublishToken | undefined;
}

export function presentLegacyHandshake(
  service: LegacySource,
  { session, answer }: Held,
  { passcode, publishToken }: HandedOver,
): LegacyHandshakeReply {
  const { lease, negotiation } = answer;
  return {
    ...presentLegacyLeased(service, { session, lease }),
    ...(passcode !== "" && {
      controller_auto_attach: presentAutoAttach(service, session, negotiation, passcode),
    }),
    ...(publishToken && { idle_publish_token: presentPublishToken(publishToken) }),
    handshake_kind: negotiation.outcome,
  };
}

/** What replies and messages about a lease begin with. */
export function presentLegacyLeased(
  service: LegacySource,
  { session, lease }: { readonly session: Session; readonly lease: Lease },
): LegacyLeased {
  const { controller_token, expires_at_ms } = presentLegacyLease(service, lease);
  return {
    private_beach_id: session.beachId,
    manager_url: session.transport.managerUrl,
    controller_token,
    lease_expires_at_ms: expires_at_ms,
    stale_session_idle_secs: 60,
    viewer_health_interval_secs: 15,
  };
}

export function presentPublishToken({ token, expiresAtMs, scopes }: PublishToken): LegacyToken {
  return { token, expires_at_ms: expiresAtMs, scopes };
}

export function presentLegacyLease(service: LegacySource, lease: Lease): LegacyLeaseReply {
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
export function presentAutoAttach(
  service: LegacySource,
  session: Session,
  negotiation: NegotiationAnswer,
  attachCode: string | undefined,
): LegacyAutoAttach {
  const { transport } = session;
  const rfc3339 = (at: EpochMs): string => toRfc3339(service.toWall(at));
  const hint = {
    private_beach_id: session.beachId,
    ...(attachCode !== undefined && { attach_code: attachCode }),
    manager_url: transport.managerUrl,
  };
  /** The moment in the id, so that every reply about a handshake has the same one. */
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
