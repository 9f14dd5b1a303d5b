import {
  ChannelState,
  ConnectionState,
  TransportEnd,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { Reach } from "../../support/process/run-service.ts";

const channels = ["mgr-actions", "mgr-acks", "mgr-state"];

/** A session whose manager, host and tile do what a test says, and nothing by themselves. */
export interface ActingSession {
  /** Acquires a lease, or renews it; where no path is usable, a handshake is in flight then. */
  hold(accountId: string, reason?: string): Promise<void>;
  /** Both ends report ready what is in flight, or else what is promoted. */
  confirm(): Promise<void>;
  /** Both ends lose the connection of the promoted handshake. */
  kill(): Promise<void>;
}

/** Attaches the session, whose host reports too. */
export async function actingSession(
  { lease, registry }: Pick<Reach, "lease" | "registry">,
  sessionId: string,
  privateBeachId: string,
): Promise<ActingSession> {
  // What one manager negotiates at once is limited.
  const managerUrl = `https://${sessionId}.example`;
  const attach = { sessionId, privateBeachId, managerUrl, hostReports: true };
  const transport = async () => (await registry.attachSession(attach)).transport;
  const report = async (handshakeId: string, isUp: boolean): Promise<void> => {
    const state = isUp ? ChannelState.READY : ChannelState.CLOSED;
    const reports = [TransportEnd.MANAGER, TransportEnd.HOST].map((end) => ({
      sessionId,
      handshakeId,
      end,
      transportId: `pc-${handshakeId.slice(-6)}`,
      reporterId: `reporter-${end}`,
      connection: isUp ? ConnectionState.CONNECTED : ConnectionState.CLOSED,
      channels: channels.map((label) => ({ label, state })),
    }));
    const { verdicts } = await registry.reportTransport({ reports });
    const refused = verdicts.find(({ refusal }) => refusal !== "");
    if (refused !== undefined) throw new Error(`the report was refused: ${refused.detail}`);
  };
  await transport();
  return {
    async hold(accountId, reason = "tile") {
      await lease.acquire({ sessionId, accountId, reason });
    },
    async confirm() {
      const state = await transport();
      await report(state?.negotiation?.handshakeId ?? state?.handshakeId ?? "", true);
    },
    async kill() {
      await report((await transport())?.handshakeId ?? "", false);
    },
  };
}

/** Many sessions, each held by somebody and with a usable fast path. */
export async function actingSessions(
  reach: Pick<Reach, "lease" | "registry">,
  privateBeachId: string,
  howMany: number,
): Promise<readonly ActingSession[]> {
  const names = ["pong", "shell", "surfer"];
  const one = async (_: unknown, index: number): Promise<ActingSession> => {
    const name = `${names[index % names.length]}-${String(index + 1).padStart(3, "0")}`;
    const session = await actingSession(reach, name, privateBeachId);
    await session.hold(`account-${index % 7}`);
    await session.confirm();
    return session;
  };
  return await Promise.all(Array.from({ length: howMany }, one));
}
