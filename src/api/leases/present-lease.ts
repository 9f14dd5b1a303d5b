import type { MessageInitShape } from "@bufbuild/protobuf";
import type { NegotiationAnswer } from "../../core/command.ts";
import type { Refusal } from "../../core/refusal.ts";
import type { Lease, Session } from "../../core/session.ts";
import {
  type AcquireResponseSchema,
  HandshakeKind,
  type HandshakeOfferSchema,
  type KeepAliveResultSchema,
  type LeaseSchema,
  type RenegotiateResponseSchema,
  type RenewResponseSchema,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { SessionSummarySchema } from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { TransportStateSchema } from "../../gen/beach/controller/v1/transport_pb.js";
import type { LeaseService } from "../../service/lease-service.ts";
import { toDuration, toTimestamp } from "../moments.ts";
import {
  internalMessage,
  internalReason,
  refusalMessage,
  retryAfterOf,
} from "../refusal/error-mapping.ts";
import { presentPath, presentTransport, type TimeSource } from "../transport/present-transport.ts";
import type { Held, Negotiated } from "./acquire.ts";

const renewing = "renew the lease";

type Presenter = TimeSource & Pick<LeaseService, "hostWatches">;

/** A lease without its token; when to renew it is for its holder alone. */
export function presentLease(
  session: Session,
  lease: Lease,
  time: TimeSource,
): MessageInitShape<typeof LeaseSchema> {
  return {
    sessionId: session.id,
    leaseId: lease.id,
    accountId: lease.account,
    reason: lease.reason,
    epoch: BigInt(lease.epoch),
    expiresAt: toTimestamp(time.toWall(lease.expiresAt)),
    expiresIn: toDuration(lease.expiresAt - time.now()),
  };
}

/** The only answer that shows a token. */
export function presentAcquired(
  held: Held,
  service: Presenter & Pick<LeaseService, "tokens">,
): MessageInitShape<typeof AcquireResponseSchema> {
  const { lease } = held.answer;
  const controllerToken = service.tokens.of(lease.id, lease.tokenHashes);
  return { ...presentParts(held, service), controllerToken };
}

export function presentHeld(
  held: Held,
  service: Presenter,
): MessageInitShape<typeof RenewResponseSchema> {
  return presentParts(held, service);
}

export function presentNegotiated(
  { session, answer }: Negotiated,
  service: Presenter,
): MessageInitShape<typeof RenegotiateResponseSchema> {
  return {
    ...presentAnswer(session, answer, service),
    transport: presentAfter(session, answer, service),
  };
}

/** One renewal of a batch, without the whole transport. */
export function presentKept(
  { session, answer }: Held,
  service: Presenter,
): MessageInitShape<typeof KeepAliveResultSchema> {
  const { lease, renewAfterMs, negotiation } = answer;
  const { transport } = session;
  const now = service.now();
  const nextAt = negotiation.outcome === "refresh" ? negotiation.retryAt : undefined;
  return {
    sessionId: session.id,
    expiresAt: toTimestamp(service.toWall(lease.expiresAt)),
    expiresIn: toDuration(lease.expiresAt - now),
    renewAfter: toDuration(renewAfterMs),
    ...presentAnswer(session, negotiation, service),
    generation: BigInt(transport.generation),
    path: presentPath(session),
    retryAfter: nextAt === undefined ? undefined : toDuration(nextAt - now),
  };
}

export function presentNotKept(
  sessionId: string,
  refusal: Refusal,
): MessageInitShape<typeof KeepAliveResultSchema> {
  const retryAfterMs = retryAfterOf(refusal);
  return {
    sessionId,
    refusal: refusal.reason,
    detail: refusalMessage(refusal, renewing),
    endedBy: refusal.reason === "LEASE_NOT_LIVE" ? refusal.endedBy : "",
    retryAfter: retryAfterMs === undefined ? undefined : toDuration(retryAfterMs),
  };
}

/** A renewal that met a bug, of which no caller is told more. */
export function presentFailed(sessionId: string): MessageInitShape<typeof KeepAliveResultSchema> {
  return { sessionId, refusal: internalReason, detail: internalMessage(renewing) };
}

/** One session as operators see it; leases that are due to expire this moment are left out. */
export function presentSummary(
  session: Session,
  time: TimeSource,
): MessageInitShape<typeof SessionSummarySchema> {
  const now = time.now();
  return {
    sessionId: session.id,
    privateBeachId: session.beachId,
    leases: session.leases.live
      .filter((lease) => now < lease.expiresAt)
      .map((lease) => presentLease(session, lease, time)),
    transport: presentTransport(session, time),
    age: toDuration(now - session.knownSince),
  };
}

interface PresentedHeld extends PresentedAnswer {
  readonly lease: MessageInitShape<typeof LeaseSchema>;
  readonly transport: MessageInitShape<typeof TransportStateSchema>;
}

function presentParts({ session, answer }: Held, service: Presenter): PresentedHeld {
  const lease = presentLease(session, answer.lease, service);
  return {
    lease: { ...lease, renewAfter: toDuration(answer.renewAfterMs) },
    ...presentAnswer(session, answer.negotiation, service),
    transport: presentAfter(session, answer.negotiation, service),
  };
}

/** The transport as the answer left it, and when to ask again where the caller has to wait. */
function presentAfter(
  session: Session,
  answer: NegotiationAnswer,
  service: Presenter,
): MessageInitShape<typeof TransportStateSchema> {
  const transport = presentTransport(session, service);
  if (answer.outcome !== "refresh" || answer.retryAt === undefined) return transport;
  return { ...transport, nextNegotiationAt: toTimestamp(answer.retryAt) };
}

interface PresentedAnswer {
  readonly handshakeKind: HandshakeKind;
  readonly joined: boolean;
  readonly offer?: MessageInitShape<typeof HandshakeOfferSchema>;
}

function presentAnswer(
  session: Session,
  answer: NegotiationAnswer,
  service: Presenter,
): PresentedAnswer {
  if (answer.outcome === "refresh") return { handshakeKind: HandshakeKind.REFRESH, joined: false };
  const { offer, joined } = answer;
  return {
    handshakeKind: HandshakeKind.RENEGOTIATE,
    joined,
    offer: {
      handshakeId: offer.id,
      sessionId: session.id,
      privateBeachId: session.beachId,
      managerUrl: offer.managerUrl,
      issuedAt: toTimestamp(offer.issuedAt),
      confirmBy: toTimestamp(offer.confirmBy),
      channels: [...offer.channels],
      deliveredByServer: service.hostWatches(session.id),
      confirmIn: toDuration(offer.confirmBy - service.now()),
    },
  };
}
