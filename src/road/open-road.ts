import { AttachCodes } from "../auth/attach-codes.ts";
import { devPasscodes, noPasscodes, type PasscodeVerifier } from "../auth/passcode.ts";
import { limitWrongPasscodes } from "../auth/passcode-limit.ts";
import { type PublishTokens, publishTokensOf } from "../auth/publish-token.ts";
import type { EpochMs } from "../core/time.ts";
import type { HandshakeCarrier } from "../service/handshake-delivery.ts";
import { roadCarrier } from "./road-carrier.ts";
import { createRoad, type RoadEvent, type TraceRequest } from "./road-client.ts";
import { roadPasscodes } from "./road-passcodes.ts";

export interface OpenRoadOptions {
  readonly roadUrl: string | undefined;
  readonly auth: { readonly kind: "dev" | "jwt" };
  readonly publishTokenSecret: string | undefined;
  readonly wall: () => EpochMs;
  readonly observe: (event: RoadEvent) => void;
  readonly trace?: TraceRequest | undefined;
}

/** What the service has of Beach Road, and what stands in for it where there is none. */
export interface OpenedRoad {
  readonly passcodes: PasscodeVerifier;
  readonly attachCodes: AttachCodes;
  readonly publishTokens: PublishTokens | undefined;
  readonly carrier: HandshakeCarrier | undefined;
}

/** Without Road, nobody judges passcodes: dev takes any, and with bearers none opens a session. */
export function openRoad(options: OpenRoadOptions): OpenedRoad {
  const { roadUrl, auth, publishTokenSecret, wall, observe, trace } = options;
  const attachCodes = new AttachCodes();
  const publishTokens =
    publishTokenSecret === undefined ? undefined : publishTokensOf(publishTokenSecret, wall);
  if (roadUrl === undefined) {
    const passcodes = auth.kind === "dev" ? devPasscodes : noPasscodes;
    return { passcodes, attachCodes, publishTokens, carrier: undefined };
  }
  const road = createRoad({ url: roadUrl, observe, trace });
  return {
    passcodes: limitWrongPasscodes(roadPasscodes(road)),
    attachCodes,
    publishTokens,
    carrier: roadCarrier({ road, attachCodes, publishTokens }),
  };
}
