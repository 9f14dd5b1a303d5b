import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import type { CallOptions, Client } from "@connectrpc/connect";

import type { Report } from "../../../src/core/command.ts";
import type { NegotiationReason } from "../../../src/core/session.ts";
import type { DurationMs } from "../../../src/core/time.ts";
import {
  type ControllerLease,
  type Lease,
  RenegotiationReason,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type {
  FastPathRegistry,
  ReportVerdict,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  type ChannelReportSchema,
  ChannelState,
  ConnectionState,
  HandshakeStanding,
  TransportEnd,
  type TransportReportSchema,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { Answer, Ask } from "../../simulation/seen/ask.ts";
import type { LeaseSeen } from "../../simulation/seen/seen.ts";
import { refusalNamed } from "./refusal-of.ts";
import {
  required,
  seeNegotiated,
  seeStanding,
  seeState,
  seeVerdictOf,
} from "./seen-over-the-wire.ts";

/** The two services, as one client reaches them at one replica. */
export interface Clients {
  readonly lease: Client<typeof ControllerLease>;
  readonly registry: Client<typeof FastPathRegistry>;
}

interface Calling {
  readonly clients: Clients;
  readonly sessionId: string;
  readonly options: CallOptions;
  readonly seeLease: (lease: Lease, token?: string) => LeaseSeen;
}

/** Makes the call that a client words, and says what came of it. Throws when that is no answer. */
export async function call(ask: Ask, calling: Calling): Promise<Answer> {
  const { clients, sessionId, options } = calling;
  switch (ask.kind) {
    case "Acquire":
      return acquire(ask, calling);
    case "Renew": {
      const { token: controllerToken, leaseOnly } = ask;
      const asked = { sessionId, controllerToken, leaseOnly, ...ttl(ask.ttlMs) };
      const reply = await clients.lease.renew(asked, options);
      return { kind: "done", ...held(required(reply.lease), calling), ...negotiated(reply) };
    }
    case "Renegotiate": {
      const reply = await clients.lease.renegotiate(renegotiation(ask, sessionId), options);
      return { kind: "done", ...negotiated(reply) };
    }
    case "Release": {
      const asked = { sessionId, controllerToken: ask.token };
      return { kind: "done", ended: (await clients.lease.release(asked, options)).released };
    }
    case "Report":
      return report(ask, calling);
    default:
      return register(ask, calling);
  }
}

async function acquire(
  { account, reason, ttlMs, attach }: Extract<Ask, { kind: "Acquire" }>,
  calling: Calling,
): Promise<Answer> {
  const { clients, sessionId, options, seeLease } = calling;
  const reply = await clients.lease.acquire(
    {
      sessionId,
      privateBeachId: attach?.beachId ?? "",
      passcode: attach === undefined ? "" : "1234",
      accountId: account,
      reason,
      ...ttl(ttlMs),
    },
    options,
  );
  const lease = required(reply.lease);
  return {
    kind: "done",
    ...held(lease, calling),
    lease: seeLease(lease, reply.controllerToken),
    ...negotiated(reply),
  };
}

type Registered = Extract<
  Ask,
  { kind: "Attach" | "Detach" | "Revoke" | "CheckLease" | "CheckHandshake" }
>;

async function register(
  ask: Registered,
  { clients: { registry }, sessionId, options, seeLease }: Calling,
): Promise<Answer> {
  switch (ask.kind) {
    case "Attach": {
      const { beachId: privateBeachId, managerUrl, requiredChannels, hostReports } = ask;
      const asked = { privateBeachId, managerUrl, hostReports };
      const reply = await registry.attachSession(
        { sessionId, ...asked, requiredChannels: [...requiredChannels] },
        options,
      );
      return { kind: "done", transport: seeState(required(reply.transport)) };
    }
    case "Detach": {
      const reply = await registry.detachSession({ sessionId, reason: ask.reason }, options);
      return { kind: "done", ended: reply.detached };
    }
    case "Revoke": {
      const hold = ask.holdMs === undefined ? {} : { hold: durationFromMs(ask.holdMs) };
      const asked = { sessionId, leaseIds: [...ask.leaseIds], reason: ask.reason, ...hold };
      return { kind: "done", ended: (await registry.revokeLeases(asked, options)).revoked > 0 };
    }
    case "CheckLease": {
      const asked = { sessionId, controllerToken: ask.token };
      return {
        kind: "done",
        lease: seeLease(required((await registry.checkLease(asked, options)).lease)),
      };
    }
    case "CheckHandshake": {
      const { handshakeId } = ask;
      const reply = await registry.checkHandshake({ sessionId, handshakeId }, options);
      const transport = seeState(required(reply.transport));
      return { kind: "done", standing: seeStanding(reply.standing), transport };
    }
  }
}

async function report(ask: Report, { clients, sessionId, options }: Calling): Promise<Answer> {
  const reports = [reportOf(ask, sessionId)];
  const { verdicts } = await clients.registry.reportTransport({ reports }, options);
  const verdict = required(verdicts[0]);
  if (verdict.refusal === "") return { kind: "done", verdict: seeVerdictOf(verdict) };
  return { kind: "refused", refusal: refusalNamed(verdict.refusal), ...besideRefusal(verdict) };
}

function besideRefusal({ standing }: ReportVerdict): Pick<Answer, "standing"> {
  return standing === HandshakeStanding.UNSPECIFIED ? {} : { standing: seeStanding(standing) };
}

type Reply = Parameters<typeof seeNegotiated>[0];

function negotiated(
  reply: Reply,
): Pick<Extract<Answer, { kind: "done" }>, "negotiation" | "transport"> {
  const transport = seeState(required(reply.transport));
  return { negotiation: seeNegotiated(reply), transport };
}

function held(
  lease: Lease,
  { seeLease }: Calling,
): Pick<Extract<Answer, { kind: "done" }>, "lease" | "renewAfterMs"> {
  return { lease: seeLease(lease), renewAfterMs: durationMs(required(lease.renewAfter)) };
}

function ttl(ttlMs: DurationMs | undefined): { readonly ttl?: Duration } {
  return ttlMs === undefined ? {} : { ttl: durationFromMs(Math.ceil(ttlMs)) };
}

function renegotiation(
  { token, reason, observedGeneration }: Extract<Ask, { kind: "Renegotiate" }>,
  sessionId: string,
) {
  const observed =
    observedGeneration === undefined ? {} : { observedGeneration: BigInt(observedGeneration) };
  return { sessionId, controllerToken: token ?? "", reason: reasons[reason], ...observed };
}

/** First those that the client counts as ready; what is neither ready nor opening is not there. */
function reportOf(
  report: Report,
  sessionId: string,
): MessageInitShape<typeof TransportReportSchema> {
  const { readyChannels, openingChannels, oldestUnackedMs } = report;
  const channels: MessageInitShape<typeof ChannelReportSchema>[] = [
    ...readyChannels.map((label) => ({ label, state: ChannelState.READY })),
    ...openingChannels.map((label) => ({ label, state: ChannelState.CONNECTING })),
  ];
  const [first] = channels;
  if (first && oldestUnackedMs > 0) first.oldestUnackedAge = durationFromMs(oldestUnackedMs);
  return {
    sessionId,
    handshakeId: report.handshakeId,
    end: report.end === "manager" ? TransportEnd.MANAGER : TransportEnd.HOST,
    transportId: report.transportId,
    connection: connections[report.connection],
    channels,
    reporterId: report.reporterId,
    sequence: BigInt(report.sequence),
    observedAge: durationFromMs(report.observedAgeMs),
    generation: BigInt(report.generation),
  };
}

const connections: Readonly<Record<Report["connection"], ConnectionState>> = {
  unspecified: ConnectionState.UNSPECIFIED,
  connecting: ConnectionState.CONNECTING,
  connected: ConnectionState.CONNECTED,
  disconnected: ConnectionState.DISCONNECTED,
  failed: ConnectionState.FAILED,
  closed: ConnectionState.CLOSED,
};

/** The two reasons that the service alone gives are nobody's to ask for. */
const reasons: Readonly<Record<NegotiationReason, RenegotiationReason>> = {
  transport_lost: RenegotiationReason.TRANSPORT_LOST,
  poor_quality: RenegotiationReason.POOR_QUALITY,
  network_changed: RenegotiationReason.NETWORK_CHANGED,
  operator: RenegotiationReason.OPERATOR,
  unspecified: RenegotiationReason.UNSPECIFIED,
  acquired: RenegotiationReason.UNSPECIFIED,
  renewed: RenegotiationReason.UNSPECIFIED,
};
