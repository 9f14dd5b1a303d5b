import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LeaseAnswer, NegotiationAnswer } from "../../core/command.ts";
import type { Lease, Session } from "../../core/session.ts";
import {
  HandshakeKind,
  type HandshakeOfferSchema,
  type LeaseSchema,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportStateSchema } from "../../gen/beach/controller/v1/transport_pb.js";
import type { LeaseService } from "../../service/lease-service.ts";
import { toDuration, toTimestamp } from "../moments.ts";
import {
  presentNextNegotiation,
  presentTransport,
  type TimeSource,
} from "../transport/present-transport.ts";

export type Presenter = TimeSource & Pick<LeaseService, "hostWatches">;

/** A lease that was granted or renewed, and the session as that left it. */
export interface Held {
  readonly session: Session;
  readonly answer: LeaseAnswer;
}

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

interface PresentedHeld extends PresentedAnswer {
  readonly lease: MessageInitShape<typeof LeaseSchema>;
  readonly transport: MessageInitShape<typeof TransportStateSchema>;
}

/** What every answer about a lease that is held says: the lease, the negotiation, the transport. */
export function presentHeld({ session, answer }: Held, service: Presenter): PresentedHeld {
  const lease = presentLease(session, answer.lease, service);
  return {
    lease: { ...lease, renewAfter: toDuration(answer.renewAfterMs) },
    ...presentAnswer(session, answer.negotiation, service),
    transport: presentTransportAfter(session, answer.negotiation, service),
  };
}

/** The transport as the answer left it, and when to ask again where the caller has to wait. */
export function presentTransportAfter(
  session: Session,
  answer: NegotiationAnswer,
  service: Presenter,
): MessageInitShape<typeof TransportStateSchema> {
  const transport = presentTransport(session, service);
  if (answer.outcome !== "refresh" || answer.retryAt === undefined) return transport;
  return { ...transport, ...presentNextNegotiation(answer.retryAt, service) };
}

interface PresentedAnswer {
  readonly handshakeKind: HandshakeKind;
  readonly joined: boolean;
  readonly offer?: MessageInitShape<typeof HandshakeOfferSchema>;
}

export function presentAnswer(
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
      issuedAt: toTimestamp(service.toWall(offer.issuedAt)),
      confirmBy: toTimestamp(service.toWall(offer.confirmBy)),
      channels: [...offer.channels],
      deliveredByServer: offer.delivery !== undefined || service.hostWatches(session.id),
      confirmIn: toDuration(offer.confirmBy - service.now()),
    },
  };
}
