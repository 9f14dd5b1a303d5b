import type { Duration } from "@bufbuild/protobuf/wkt";
import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import {
  type AcquireResponse,
  ControllerLease,
  HandshakeKind,
  type RenewResponse,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { pathSeen } from "./path-watch.ts";
import type { Grant, TileCall } from "./tile-memory.ts";

/** What a tile's lease is on, and who asks. */
export interface TileKey {
  readonly sessionId: string;
  readonly reason: string;
  readonly privateBeachId?: string;
  readonly passcode?: string;
  readonly accountId?: string;
}

/** What a call brought: what decisions go by, and what is shown. */
export interface Answered {
  readonly grant: Grant;
  readonly transport: TransportState | undefined;
}

/** The calls of tiles, as the contract words them. */
export class LeaseCalls {
  readonly #leases: Client<typeof ControllerLease>;
  readonly #parting: Client<typeof ControllerLease>;

  /** @param parting carries what still has to leave while the page goes away */
  constructor(transport: Transport, parting: Transport) {
    this.#leases = createClient(ControllerLease, transport);
    this.#parting = createClient(ControllerLease, parting);
  }

  async call(key: TileKey, call: TileCall, signal: AbortSignal): Promise<Answered> {
    const ttl = durationFromMs(call.ttlMs);
    const { controllerToken } = call;
    if (controllerToken === undefined) {
      const answer = await this.#leases.acquire({ ...key, ttl }, { signal });
      return answered(answer, answer.controllerToken);
    }
    const { sessionId } = key;
    const answer = await this.#leases.renew({ sessionId, controllerToken, ttl }, { signal });
    return answered(answer, controllerToken);
  }

  async release(sessionId: string, controllerToken: string, isParting: boolean): Promise<void> {
    const leases = isParting ? this.#parting : this.#leases;
    await leases.release({ sessionId, controllerToken });
  }
}

function answered(answer: AcquireResponse | RenewResponse, controllerToken: string): Answered {
  const { lease, transport, offer, joined, handshakeKind } = answer;
  const isRenegotiated = handshakeKind === HandshakeKind.RENEGOTIATE;
  return {
    grant: {
      leaseId: lease?.leaseId ?? "",
      controllerToken,
      epoch: lease?.epoch ?? 0n,
      expiresInMs: toMs(lease?.expiresIn),
      renewAfterMs: toMs(lease?.renewAfter),
      outcome: isRenegotiated ? "renegotiate" : "refresh",
      joined,
      offer,
      path: transport && pathSeen(transport),
    },
    transport,
  };
}

function toMs(duration: Duration | undefined): number {
  return duration === undefined ? 0 : durationMs(duration);
}
