import { randomBytes, randomUUID } from "node:crypto";
import { Budgets } from "../../src/budget/budgets.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { End } from "../../src/core/session.ts";
import { nextOf } from "../../src/core/view.ts";
import { controllerTokens } from "../../src/service/controller-tokens.ts";
import { randomIds } from "../../src/service/id-source.ts";
import { createSessionService } from "../../src/service/session-service.ts";
import { systemClock } from "../../src/service/time/clock.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { acquireCommand } from "../support/service/commands.ts";

const sessions = Number(process.argv[2]);
const policy = { ...defaultPolicy, leaseTtlMs: defaultPolicy.leaseTtlMsMax };
const service = await createSessionService({
  store: memoryStore(),
  clock: systemClock(),
  ids: randomIds,
  policy,
  tokens: controllerTokens(randomBytes(32)),
  budgets: new Budgets(),
  observe: () => {},
});

const before = heapUsed();
for (let index = 0; index < sessions; index++) await fill(randomUUID(), index);
process.send?.((heapUsed() - before) / sessions);
process.disconnect();
await service[Symbol.asyncDispose]();

/** A session with a lease and an active fast path that both ends report. */
async function fill(id: string, index: number): Promise<void> {
  const beachId = `beach-${index % 100}`;
  const managerUrl = `http://127.0.0.1:${index % 1000}`;
  const requiredChannels = ["mgr-actions"];
  await service.execute(id, {
    kind: "Attach",
    beachId,
    managerUrl,
    requiredChannels,
    hostReports: true,
  });
  await service.execute(id, acquireCommand(service, "auto_handshake"));
  const session = await service.find(id);
  const offer = session?.kind === "attached" ? nextOf(session.transport.path) : undefined;
  for (const end of ["manager", "host"] as const) await report(id, offer?.id ?? "", end);
}

async function report(id: string, handshakeId: string, end: End): Promise<void> {
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

function heapUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
