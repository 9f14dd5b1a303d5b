import { type Principal, reaches } from "../auth/principal.ts";
import type { Attach, CheckLease } from "../core/command.ts";
import type { FastPathRegistry } from "../gen/beach/controller/v1/fast_path_registry_pb.js";
import { whenReady } from "../service/awaitable.ts";
import type { ApiDependencies } from "./call/dependencies.ts";
import {
  type Addressed,
  execute,
  executeAny,
  executeOnSession,
  withSession,
} from "./call/execute.ts";
import type { Handler, Handlers } from "./call/handlers.ts";
import { unary } from "./call/unary.ts";
import { presentLease } from "./leases/present-lease.ts";
import { toDuration } from "./moments.ts";
import { done, mapDone, type Refused, refused } from "./refusal/result.ts";
import { listPage, summarize } from "./sessions/list-sessions.ts";
import {
  parseAttach,
  parseCheckHandshake,
  parseCheckLease,
  parseDetach,
  parseList,
  parseRevoke,
  parseSummarize,
} from "./sessions/parse-registry.ts";
import { presentPath, presentStanding, presentTransport } from "./transport/present-transport.ts";
import { hearReports, parseBatch } from "./transport/report-transport.ts";

type Registry = typeof FastPathRegistry;
type RegistryHandler<Name extends keyof Registry["method"]> = Handler<Registry["method"][Name]>;

/** The service FastPathRegistry, for any door to carry. */
export function createFastPathRegistry(dependencies: ApiDependencies): Handlers<Registry> {
  return {
    attachSession: attachSession(dependencies),
    detachSession: detachSession(dependencies),
    reportTransport: reportTransport(dependencies),
    checkHandshake: checkHandshake(dependencies),
    checkLease: checkLease(dependencies),
    revokeLeases: revokeLeases(dependencies),
    listSessions: listSessions(dependencies),
    summarizeFleet: summarizeFleet(dependencies),
  };
}

function attachSession(dependencies: ApiDependencies): RegistryHandler<"attachSession"> {
  const { service, defaultManagerUrl } = dependencies;
  return unary(dependencies, {
    rpc: "AttachSession",
    action: "attach the session",
    parse: (request) => parseAttach(request, defaultManagerUrl),
    perform: async (principal, addressed) => {
      if (!ownsAttached(principal, addressed)) return refused({ reason: "NOT_YOUR_BEACH" });
      const { sessionId, command } = addressed;
      const result = mapDone(await executeAny(service, sessionId, command), withSession);
      return mapDone(result, ({ session }) => ({ transport: presentTransport(session, service) }));
    },
  });
}

/** Nobody attaches a session for a private beach other than its own. */
function ownsAttached(principal: Principal, { sessionId, command }: Addressed<Attach>): boolean {
  return reaches(principal, { id: sessionId, beachId: command.beachId });
}

function detachSession(dependencies: ApiDependencies): RegistryHandler<"detachSession"> {
  return unary(dependencies, {
    rpc: "DetachSession",
    action: "detach the session",
    parse: parseDetach,
    perform: async (principal, addressed) => {
      const result = await execute(dependencies.service, principal, addressed);
      if (isUnknownSession(result)) return done({ detached: false });
      return mapDone(result, ({ answer }) => ({ detached: answer.detached }));
    },
  });
}

function isUnknownSession(result: { readonly kind: "done" } | Refused): boolean {
  return result.kind === "refused" && result.refusal.reason === "SESSION_UNKNOWN";
}

function reportTransport(dependencies: ApiDependencies): RegistryHandler<"reportTransport"> {
  return unary(dependencies, {
    rpc: "ReportTransport",
    action: "report the transport",
    parse: parseBatch,
    perform: (principal, reports) =>
      whenReady(hearReports(dependencies, principal, reports), (verdicts) =>
        done({
          verdicts: [...verdicts],
          reportEvery: toDuration(dependencies.reportEveryMs),
        }),
      ),
  });
}

function checkHandshake(dependencies: ApiDependencies): RegistryHandler<"checkHandshake"> {
  const { service } = dependencies;
  return unary(dependencies, {
    rpc: "CheckHandshake",
    action: "check the handshake",
    parse: parseCheckHandshake,
    perform: (principal, addressed) =>
      whenReady(executeOnSession(service, principal, addressed), (result) =>
        mapDone(result, ({ session, answer }) => ({
          honoured: answer.honoured,
          standing: presentStanding(answer.standing),
          transport: presentTransport(session, service),
        })),
      ),
  });
}

function checkLease(dependencies: ApiDependencies): RegistryHandler<"checkLease"> {
  const { service } = dependencies;
  return unary(dependencies, {
    rpc: "CheckLease",
    action: "check the lease",
    parse: parseCheckLease,
    perform: (principal, { sessionId, token }) => {
      const command: CheckLease = { kind: "CheckLease", tokenHash: service.tokens.hash(token) };
      return whenReady(executeOnSession(service, principal, { sessionId, command }), (result) =>
        mapDone(result, ({ session, answer }) => ({
          lease: presentLease(session, answer.lease, service),
          path: presentPath(session),
          generation: BigInt(session.transport.generation),
          leaseVersion: BigInt(session.leases.version),
        })),
      );
    },
  });
}

function revokeLeases(dependencies: ApiDependencies): RegistryHandler<"revokeLeases"> {
  return unary(dependencies, {
    rpc: "RevokeLeases",
    action: "revoke the leases",
    parse: (request) => parseRevoke(request, dependencies.holdMsMax),
    perform: (principal, addressed) =>
      whenReady(execute(dependencies.service, principal, addressed), (result) =>
        mapDone(result, ({ answer }) => ({ revoked: answer.revoked })),
      ),
  });
}

function listSessions(dependencies: ApiDependencies): RegistryHandler<"listSessions"> {
  return unary(dependencies, {
    rpc: "ListSessions",
    action: "list the sessions",
    parse: parseList,
    perform: (principal, asked) =>
      whenReady(listPage(dependencies.service, principal, asked), done),
  });
}

function summarizeFleet(dependencies: ApiDependencies): RegistryHandler<"summarizeFleet"> {
  return unary(dependencies, {
    rpc: "SummarizeFleet",
    action: "summarize the fleet",
    parse: parseSummarize,
    perform: (principal, beachId) =>
      whenReady(summarize(dependencies.service, principal, beachId), done),
  });
}
