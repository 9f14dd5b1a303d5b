import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import type {
  AcquireResponse,
  RenewResponse,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { ReportVerdict } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ChannelState,
  ConnectionState,
  HandshakeStanding,
  TransportEnd,
  TransportPath,
  type TransportReportSchema,
  type TransportState,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { Reach } from "../process/run-service.ts";
import { retried } from "./retried.ts";

/** A session with a lease, as its manager and its tile see it; nothing happens by itself. */
export interface HeldSession {
  readonly id: string;
  readonly token: string;
  renew(through?: Reach): Promise<RenewResponse>;
  /**
   * Both ends say that the handshake is up; the newest that was offered unless told otherwise.
   * Refused as any other call while the store is away.
   */
  report(through?: Reach, handshakeId?: string): Promise<readonly ReportVerdict[]>;
  /** The state of its transport, by way of a renewal. */
  transport(through?: Reach): Promise<TransportState>;
}

export const beachOfHeld = "beach-held";

const channels = ["mgr-actions", "mgr-acks", "mgr-state"].map((label) => ({
  label,
  state: ChannelState.READY,
}));

/** Attaches the session and acquires a lease, whose first offer is in flight then. */
export async function holdSession(service: Reach, id: string): Promise<HeldSession> {
  const attach = { sessionId: id, privateBeachId: beachOfHeld, hostReports: true };
  await retried(() => service.registry.attachSession(attach));
  const ask = { sessionId: id, reason: "tile" };
  return new Held(service, id, await retried(() => service.lease.acquire(ask)));
}

/** The same, with its first handshake promoted. */
export async function holdFastPath(service: Reach, id: string): Promise<HeldSession> {
  const held = await holdSession(service, id);
  await retried(async () => {
    const verdicts = await held.report();
    const { path } = verdicts.at(-1) ?? {};
    if (path !== TransportPath.FAST_PATH) throw new ConnectError("not yet", Code.Unavailable);
  });
  return held;
}

class Held implements HeldSession {
  readonly id: string;
  readonly token: string;
  readonly #service: Reach;
  #offered: string;
  /** Under which generation each handshake was promoted, as the verdicts said. */
  readonly #generations = new Map<string, bigint>();

  constructor(service: Reach, id: string, { controllerToken, offer }: AcquireResponse) {
    this.#service = service;
    this.id = id;
    this.token = controllerToken;
    this.#offered = offer?.handshakeId ?? "";
  }

  async renew(through: Reach = this.#service): Promise<RenewResponse> {
    const { id: sessionId, token: controllerToken } = this;
    const renewed = await through.lease.renew({ sessionId, controllerToken });
    this.#offered = renewed.offer?.handshakeId ?? this.#offered;
    return renewed;
  }

  async report(
    through: Reach = this.#service,
    handshakeId: string = this.#offered,
  ): Promise<readonly ReportVerdict[]> {
    const ends = [TransportEnd.MANAGER, TransportEnd.HOST];
    const reports = ends.map((end) => this.#readyReport(end, handshakeId));
    const { verdicts } = await through.registry.reportTransport({ reports });
    const away = verdicts.find(({ refusal }) => refusal === "STORE_UNAVAILABLE");
    if (away !== undefined) throw new ConnectError(away.detail, Code.Unavailable);
    const { standing, generation } = verdicts.at(-1) ?? {};
    if (standing === HandshakeStanding.PROMOTED && generation !== undefined) {
      this.#generations.set(handshakeId, generation);
    }
    return verdicts;
  }

  async transport(through?: Reach): Promise<TransportState> {
    const { transport } = await this.renew(through);
    if (transport === undefined) throw new Error("the answer shows no transport");
    return transport;
  }

  #readyReport(
    end: TransportEnd,
    handshakeId: string,
  ): MessageInitShape<typeof TransportReportSchema> {
    const name = end === TransportEnd.MANAGER ? "manager" : "host";
    return {
      sessionId: this.id,
      handshakeId,
      end,
      transportId: `${name} connection for ${handshakeId}`,
      connection: ConnectionState.CONNECTED,
      channels,
      reporterId: `${name}-1`,
      generation: this.#generations.get(handshakeId) ?? 0n,
    };
  }
}
