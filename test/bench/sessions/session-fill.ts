import { randomBytes } from "node:crypto";

import { Budgets } from "../../../src/budget/budgets.ts";
import { defaultPolicy } from "../../../src/core/policy.ts";
import type { End } from "../../../src/core/session.ts";
import { nextOf } from "../../../src/core/view.ts";
import { controllerTokens } from "../../../src/service/controller-tokens.ts";
import { randomIds } from "../../../src/service/id-source.ts";
import { createSessionService, type SessionService } from "../../../src/service/session-service.ts";
import type { SessionStore } from "../../../src/service/session-store.ts";
import { systemClock } from "../../../src/service/time/clock.ts";
import { acquireCommand } from "../../support/service/commands.ts";

/** Longer than any measurement. */
const horizonMs = 3_600_000;

/** The service without doors, for as many sessions as the store holds. */
export function serviceToFill(store: SessionStore): Promise<SessionService> {
  return createSessionService({
    store,
    clock: systemClock(),
    ids: randomIds,
    policy: {
      ...defaultPolicy,
      leaseTtlMs: horizonMs,
      leaseTtlMsMax: horizonMs,
      // Nobody reports again: the paths of those that were made first would be lost meanwhile.
      evidenceStaleMs: horizonMs,
      evidenceLostMs: 2 * horizonMs,
    },
    tokens: controllerTokens(randomBytes(32)),
    budgets: new Budgets(),
    observe: () => undefined,
  });
}

/**
 * Makes a session with a lease and an active fast path that both ends report, by the commands that
 * callers give. Resolves with the lease's token.
 */
export async function fillSession(
  service: SessionService,
  id: string,
  index: number,
): Promise<string> {
  await service.execute(id, {
    kind: "Attach",
    beachId: `beach-${index % 100}`,
    managerUrl: `http://127.0.0.1:${index % 1000}`,
    requiredChannels: ["mgr-actions"],
    hostReports: true,
  });
  await service.execute(id, acquireCommand(service, "auto_handshake"));
  const session = await service.find(id);
  if (session?.kind !== "attached") throw new Error(`${id} is not attached`);
  const handshakeId = nextOf(session.transport.path)?.id ?? "";
  for (const end of ["manager", "host"] as const) await report(service, { id, handshakeId, end });
  const [lease] = session.leases.live;
  if (lease === undefined) throw new Error(`${id} has no lease`);
  return service.tokens.of(lease.id, lease.tokenHashes);
}

interface Reported {
  readonly id: string;
  readonly handshakeId: string;
  readonly end: End;
}

async function report(service: SessionService, { id, handshakeId, end }: Reported): Promise<void> {
  await service.execute(id, {
    kind: "Report",
    end,
    handshakeId,
    transportId: "transport-1",
    connection: "connected",
    readyChannels: ["mgr-actions", "mgr-acks", "mgr-state"],
    openingChannels: [],
    oldestUnackedMs: 0,
    reporterId: `${end}-1`,
    sequence: 1,
    observedAgeMs: 0,
    generation: 0,
  });
}
