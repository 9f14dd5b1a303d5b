import { presentManagerHandshake } from "../api/legacy/manager-handshake.ts";
import type { AttachCodes } from "../auth/attach-codes.ts";
import type { PublishTokens } from "../auth/publish-token.ts";
import type { Carried, HandshakeCarrier, HandshakeMessage } from "../service/handshake-delivery.ts";
import { type Road, RoadUnavailable } from "./road-client.ts";

interface RoadCarrierOptions {
  readonly road: Pick<Road, "sendControl">;
  readonly attachCodes: Pick<AttachCodes, "of">;
  /** Undefined where hosts are given no publish tokens. */
  readonly publishTokens: PublishTokens | undefined;
}

/** Brings handshakes to hosts through the control queue of Beach Road. */
export function roadCarrier({
  road,
  attachCodes,
  publishTokens,
}: RoadCarrierOptions): HandshakeCarrier {
  const carry = async (message: HandshakeMessage, signal: AbortSignal): Promise<Carried> => {
    const { id: sessionId } = message.session;
    const payload = presentManagerHandshake(message, {
      attachCode: attachCodes.of(sessionId),
      publishToken: await publishTokens?.mint(sessionId),
    });
    // One id for each handshake, so that a host recognises a repeated message.
    const control_id = message.handshake.id;
    const control = { kind: "manager_handshake", control_id, payload } as const;
    const answer = await road.sendControl(sessionId, control, signal);
    return { outcome: answer === "enqueued" ? "taken" : "unknown_session" };
  };
  return {
    async carry(message, signal) {
      try {
        return await carry(message, signal);
      } catch (error) {
        if (!(error instanceof RoadUnavailable)) throw error;
        return { outcome: "unavailable", error };
      }
    },
  };
}
