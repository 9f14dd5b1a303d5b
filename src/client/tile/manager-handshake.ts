import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

import type { Relay } from "./tile-state.ts";

/** The payload of the control message `manager_handshake`, as hosts read it. */
export interface ManagerHandshake {
  readonly private_beach_id: string;
  readonly manager_url: string;
  readonly controller_token: string;
  readonly lease_expires_at_ms: number;
  readonly stale_session_idle_secs: number;
  readonly viewer_health_interval_secs: number;
  readonly controller_auto_attach: {
    readonly private_beach_id: string;
    readonly attach_code?: string;
    readonly manager_url: string;
    /** RFC 3339, as `expires_at`. */
    readonly issued_at: string;
    readonly expires_at: string;
    readonly handshake_id: string;
  };
}

/** @param attachCode the passcode that the host shows, where the tile knows it */
export function managerHandshake({ offer, lease }: Relay, attachCode?: string): ManagerHandshake {
  const { privateBeachId: private_beach_id, managerUrl: manager_url } = offer;
  return {
    private_beach_id,
    manager_url,
    controller_token: lease.controllerToken,
    lease_expires_at_ms: Math.floor(lease.expiresAt.wallMs),
    stale_session_idle_secs: 60,
    viewer_health_interval_secs: 15,
    controller_auto_attach: {
      private_beach_id,
      ...(attachCode !== undefined && { attach_code: attachCode }),
      manager_url,
      issued_at: toRfc3339(offer.issuedAt),
      expires_at: toRfc3339(offer.confirmBy),
      handshake_id: offer.handshakeId,
    },
  };
}

function toRfc3339(moment: Timestamp | undefined): string {
  return (moment === undefined ? new Date(0) : timestampDate(moment)).toISOString();
}
