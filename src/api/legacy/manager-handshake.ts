import type { PublishToken } from "../../auth/publish-token.ts";
import type { HandshakeMessage } from "../../service/handshake-delivery.ts";
import { presentAutoAttach, presentLegacyLeased, presentPublishToken } from "./legacy-present.ts";

interface HandedOver {
  /** Undefined where this process knows none; the host then attaches by the handshake alone. */
  readonly attachCode: string | undefined;
  readonly publishToken: PublishToken | undefined;
}

/** The payload of `manager_handshake` as Beach Manager made it, to the letter. */
export function presentManagerHandshake(
  message: HandshakeMessage,
  { attachCode, publishToken }: HandedOver,
): object {
  const { session, handshake, lease } = message;
  const negotiation = { outcome: "renegotiate", offer: handshake, joined: true } as const;
  return {
    ...presentLegacyLeased(message, { session, lease }),
    controller_auto_attach: presentAutoAttach(message, session, negotiation, attachCode),
    handshake_control_id: handshake.id,
    ...(publishToken && { idlePublishToken: presentPublishToken(publishToken) }),
  };
}
