import type { Client } from "@connectrpc/connect";
import type { FastifyInstance } from "fastify";

import {
  type ControllerLease,
  RenegotiationReason,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { ManagerSession } from "./manager-session.ts";

export interface OldRenewalsOptions {
  readonly sessionOf: (sessionId: string) => ManagerSession | undefined;
  readonly leases: Client<typeof ControllerLease>;
  /** The service's public door, which answers as the old route does. */
  readonly httpUrl: string;
}

/**
 * Renewals as the old manager did them: each POST drops the connection that there is, mints a
 * handshake, and keeps the actions for it. Nothing but a comparison runs this way.
 */
export function addOldRenewals(door: FastifyInstance, options: OldRenewalsOptions): void {
  door.post<{ Params: { id: string }; Body: object }>(
    "/sessions/:id/controller-handshake",
    async (request, reply) => {
      const sessionId = request.params.id;
      const session = options.sessionOf(sessionId);
      session?.kill("close");
      session?.flow.waitForChannel();
      const answer = await fetch(`${options.httpUrl}/sessions/${sessionId}/controller-handshake`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(request.body),
      });
      await options.leases.renegotiate({ sessionId, reason: RenegotiationReason.OPERATOR });
      return reply
        .code(answer.status)
        .type("application/json")
        .send(await answer.text());
    },
  );
}
