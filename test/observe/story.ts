import { vi } from "vitest";

import { startFakeRoad } from "../../src/demo/road/fake-road.ts";
import { TransportEnd } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { beachOfHeld, type HeldSession, holdSession } from "../support/callers/held-session.ts";
import { type RunningService, runService } from "../support/process/run-service.ts";
import { patient } from "../support/runs/patient.ts";
import { type ManualClock, manualClock } from "../support/service/manual-clock.ts";

/** What `/metrics` of a service shows while a story happens to its one session. */
export interface ToldMetrics {
  /** Before anything has happened. */
  readonly fresh: string;
  /** While a handshake waits for Beach Road. */
  readonly meanwhile: string;
  /** After the whole story. */
  readonly after: string;
}

const sessionId = "s1";

/** A fast path begins, falls silent and is lost; a second one does not come about. */
export async function tellStory(): Promise<ToldMetrics> {
  const clock = manualClock(Date.parse("2026-01-02T03:04:05.000Z"));
  await using road = await startFakeRoad();
  road.behave({ status: 503 });
  await using service = await runService({ clock, env: { LEASE_ROAD_URL: road.url } });
  const fresh = await scraped(service);
  const held = await holdSession(service, sessionId);
  await vi.waitUntil(() => road.calls.control > 0, patient);
  await clock.advance(1_200);
  const meanwhile = await scraped(service);
  await loseIt(held, service, clock);
  await endIt(held, service);
  clock.stepWall(60_000);
  await clock.advance(1_000);
  return { fresh, meanwhile, after: await scraped(service) };
}

async function loseIt(
  held: HeldSession,
  { lease }: RunningService,
  clock: ManualClock,
): Promise<void> {
  await held.report();
  await clock.advance(20_000);
  await held.renew();
  await clock.advance(11_000);
  await held.renew();
  await held.renew();
  await lease.renegotiate({ sessionId, controllerToken: held.token });
  await clock.advance(15_000);
}

async function endIt(held: HeldSession, service: RunningService): Promise<void> {
  await keepAlive(held, service);
  await service.lease.release({ sessionId, controllerToken: held.token });
  await held.renew().catch(() => undefined);
  await watchAndLeave(service);
  const url = service.httpUrl(`/sessions/${sessionId}/controller/lease`);
  await fetch(url, { method: "POST", body: "{}" });
  await fetch(service.opsUrl("/healthz"));
}

async function keepAlive(held: HeldSession, { lease }: RunningService): Promise<void> {
  const renewal = { sessionId, controllerToken: held.token, leaseOnly: true };
  async function* messages() {
    yield { renewals: [renewal, renewal] };
    yield { renewals: [renewal] };
  }
  for await (const _ of lease.keepAlive(messages()));
}

async function watchAndLeave(service: RunningService): Promise<void> {
  const leaving = new AbortController();
  const asked = { privateBeachId: beachOfHeld, reader: TransportEnd.MANAGER };
  const stream = service.lease.watchTransport(asked, { signal: leaving.signal });
  try {
    for await (const { event } of stream) if (event.case === "state") leaving.abort();
  } catch {
    // That is how it leaves.
  }
  await vi.waitUntil(
    async () => (await scraped(service)).includes("lease_watch_streams_ended_total{"),
    patient,
  );
}

export async function scraped(service: Pick<RunningService, "opsUrl">): Promise<string> {
  return await (await fetch(service.opsUrl("/metrics"))).text();
}
