import { create, type DescMethod, type MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";

import type { Door } from "../../../src/auth/authenticator.ts";
import type { AcquireResponse } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ChannelState,
  ConnectionState,
  TransportEnd,
  TransportReportSchema,
  type TransportState,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { DoorClients } from "../api-under-test.ts";

/** What the conformance suite runs against. */
export interface ConformanceSubject extends AsyncDisposable {
  /** Clients of the door under test, in the protocol under test. */
  readonly clients: DoorClients;
  /** Clients of an internal door of the same service, to set things up. */
  readonly internal: DoorClients;
  /** Sends a message past the client, which would make none that cannot be read. */
  readonly sendRaw: SendRaw;
  /** What is stored of a session, where the test can look. */
  readonly stored?: (sessionId: string) => Promise<unknown>;
}

/** Resolves with whatever is answered; rejects with a ConnectError. */
export type SendRaw = (method: DescMethod, sent: RawMessage) => Promise<unknown>;

/** The bytes of one message, without what a protocol puts around them. */
export interface RawMessage {
  readonly format: "binary" | "json";
  readonly bytes: Uint8Array;
}

export interface ConformanceOptions {
  /** How messages can be encoded; in memory they are not. */
  readonly formats: readonly RawMessage["format"][];
  readonly door: Door;
  /** The protocol carries streams in both directions: HTTP/2, or memory. */
  readonly duplex: boolean;
}

export const beach = "beach-conformance";

export const allChannels: readonly string[] = ["mgr-actions", "mgr-acks", "mgr-state"];

let sessions = 0;

/** A session id that nobody has used. */
export function freshId(): string {
  sessions += 1;
  return `session-${process.pid}-${sessions}`;
}

/** Where sessions are set up. */
type Internal = Pick<ConformanceSubject, "internal">;

/** A session with a lease and a handshake in flight. */
export async function leased({ internal }: Internal): Promise<AcquireResponse> {
  return await internal.lease.acquire({
    sessionId: freshId(),
    privateBeachId: beach,
    passcode: "123456",
    reason: "auto_handshake",
  });
}

/** The same once its handshake is promoted. */
export async function live(subject: Internal): Promise<AcquireResponse> {
  const acquired = await leased(subject);
  const sessionId = sessionOf(acquired);
  await subject.internal.registry.reportTransport({
    reports: [readyReport(sessionId, acquired.offer?.handshakeId ?? "")],
  });
  return acquired;
}

/** Any generation but that of a session which never had a fast path. */
export const ofPromotion: unknown = expect.toSatisfy((generation: bigint) => generation > 0n);

export function sessionOf(acquired: AcquireResponse): string {
  return acquired.lease?.sessionId ?? "";
}

/** What the manager end says when everything is up. */
export function readyReport(
  sessionId: string,
  handshakeId: string,
  changes: MessageInitShape<typeof TransportReportSchema> = {},
): MessageInitShape<typeof TransportReportSchema> {
  return create(TransportReportSchema, {
    sessionId,
    handshakeId,
    end: TransportEnd.MANAGER,
    transportId: "peer-1",
    connection: ConnectionState.CONNECTED,
    channels: allChannels.map((label) => ({ label, state: ChannelState.READY })),
    reporterId: "manager-1",
    ...changes,
  });
}

/** The transport of a session, by way of the listing, so that the look changes nothing. */
export async function transportOf(
  { internal }: Internal,
  sessionId: string,
): Promise<TransportState | undefined> {
  const { sessions: listed } = await internal.registry.listSessions({
    privateBeachId: beach,
    pageSize: 1000,
  });
  return listed.find((session) => session.sessionId === sessionId)?.transport;
}
