import { Code, ConnectError } from "@connectrpc/connect";
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";

import { HandshakeStanding } from "../../gen/beach/controller/v1/transport_pb.js";
import type { GameShown } from "../beach/messages.ts";
import type { ManagerSession } from "./manager-session.ts";

export interface ManagerDoorOptions {
  readonly sessionOf: (sessionId: string) => ManagerSession | undefined;
  /** Asks the service; throws when it cannot be asked. */
  readonly standingOf: (sessionId: string, handshakeId: string) => Promise<HandshakeStanding>;
}

interface SessionParams {
  readonly id: string;
}

/** What hosts reach the manager by: signalling, and for those without a fast path actions and states. */
export function createManagerDoor(options: ManagerDoorOptions): FastifyInstance {
  const door = fastify({ forceCloseConnections: true });

  door.post<{ Params: SessionParams; Body: { handshake_id: string; sdp: string } }>(
    "/sessions/:id/webrtc/offer",
    async (request, reply) => {
      const session = options.sessionOf(request.params.id);
      if (session === undefined) return reply.code(404).send({ error: "not_found" });
      const { handshake_id: handshakeId, sdp } = request.body;
      const refusal = await refusalOf(options, request.params.id, handshakeId);
      if (refusal !== undefined) return refuse(reply, refusal);
      return { sdp: await session.answer(handshakeId, sdp) };
    },
  );

  door.get<{ Params: SessionParams; Querystring: { after: string } }>(
    "/sessions/:id/actions",
    (request, reply) => {
      const session = options.sessionOf(request.params.id);
      if (session === undefined) return reply.code(404).send({ error: "not_found" });
      return reply.send({ actions: session.flow.pending(Number(request.query.after)) });
    },
  );

  door.post<{ Params: SessionParams; Body: GameShown }>("/sessions/:id/state", (request, reply) => {
    const session = options.sessionOf(request.params.id);
    if (session === undefined) return reply.code(404).send({ error: "not_found" });
    session.shown(request.body, "http");
    return reply.code(204).send();
  });

  return door;
}

type SignallingRefusal = "retired" | "unknown" | "cannot_ask";

/** Why a connection may not be begun; undefined when it may. */
async function refusalOf(
  options: ManagerDoorOptions,
  sessionId: string,
  handshakeId: string,
): Promise<SignallingRefusal | undefined> {
  try {
    switch (await options.standingOf(sessionId, handshakeId)) {
      case HandshakeStanding.PROMOTED:
      case HandshakeStanding.IN_FLIGHT:
      case HandshakeStanding.ABANDONED:
        return undefined;
      case HandshakeStanding.LINGERING:
      case HandshakeStanding.RETIRED:
        return "retired";
      case HandshakeStanding.UNKNOWN:
      case HandshakeStanding.UNSPECIFIED:
        return "unknown";
    }
  } catch (error) {
    return ConnectError.from(error).code === Code.NotFound ? "unknown" : "cannot_ask";
  }
}

function refuse(reply: FastifyReply, refusal: SignallingRefusal): FastifyReply {
  switch (refusal) {
    case "retired":
      return reply.code(410).send({ error: "gone" });
    case "unknown":
      return reply.code(404).send({ error: "not_found" });
    case "cannot_ask":
      return reply.code(503).send({ error: "upstream_error" });
  }
}
