import type { FastPathRegistry } from "../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { ApiDependencies } from "./call/dependencies.ts";
import type { Handlers } from "./call/handlers.ts";
import { createCheckLease } from "./leases/check-lease.ts";
import { createRevokeLeases } from "./leases/revoke-leases.ts";
import { createAttachSession } from "./sessions/attach-session.ts";
import { createDetachSession } from "./sessions/detach-session.ts";
import { createListSessions } from "./sessions/list-sessions.ts";
import { createSummarizeFleet } from "./sessions/summarize-fleet.ts";
import { createCheckHandshake } from "./transport/check-handshake.ts";
import { createReportTransport } from "./transport/report-transport.ts";

/** The service FastPathRegistry, for any door to carry. */
export function createFastPathRegistry(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry> {
  return {
    attachSession: createAttachSession(dependencies),
    detachSession: createDetachSession(dependencies),
    reportTransport: createReportTransport(dependencies),
    checkHandshake: createCheckHandshake(dependencies),
    checkLease: createCheckLease(dependencies),
    revokeLeases: createRevokeLeases(dependencies),
    listSessions: createListSessions(dependencies),
    summarizeFleet: createSummarizeFleet(dependencies),
  };
}
