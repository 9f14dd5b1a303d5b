import { durationFromMs } from "@bufbuild/protobuf/wkt";

import {
  type Beach,
  type BeachHost,
  type BeachOptions,
  type HostProcess,
  startBeach,
  type TileProcess,
} from "../../../src/demo/beach/beach.ts";
import type {
  AppliedCounters,
  HostEvent,
  LinkSeen,
  ManagerEvent,
  NegotiationManners,
  SentCounters,
  StateSeen,
} from "../../../src/demo/beach/messages.ts";
import type { Reach } from "./run-service.ts";

const leaseTtlMs = 300_000;

/** Waits for an answer over the first fast path: one from before may come after all other news. */
export async function renewedOverFirst(tile: TileProcess): Promise<void> {
  await tile.when((event) => event.kind === "renewed" && event.generation > 0);
}

export interface SessionOptions extends Partial<BeachOptions> {
  readonly sessionId: string;
  readonly door?: NonNullable<BeachHost["door"]>;
  readonly negotiation?: NegotiationManners;
}

/** One session on a beach of its own: a manager and a host over real WebRTC. */
export interface SessionUnderTest extends AsyncDisposable {
  readonly sessionId: string;
  readonly beach: Beach;
  readonly host: HostProcess;
  /** Of the lease that the test itself holds. */
  readonly controllerToken: string;
}

/** Starts a beach with one session, on which the test holds a lease that needs no renewal. */
export async function startSession(
  service: Reach,
  options: SessionOptions,
): Promise<SessionUnderTest> {
  const { sessionId, door = "grpc", negotiation, ...beachOptions } = options;
  const beach = await startBeach({
    ...doorsOf(service),
    privateBeachId: `beach-of-${sessionId}`,
    hosts: [
      { sessionIds: [sessionId], door, ...(negotiation === undefined ? {} : { negotiation }) },
    ],
    ...beachOptions,
  });
  const { controllerToken } = await acquire(service, sessionId);
  return {
    sessionId,
    beach,
    controllerToken,
    get host() {
      return hostOf(beach);
    },
    [Symbol.asyncDispose]: () => beach[Symbol.asyncDispose](),
  };
}

export function doorsOf(service: Reach): Pick<BeachOptions, "grpcUrl" | "httpUrl"> {
  const { grpc, http } = service.addresses;
  return { grpcUrl: `http://${grpc}`, httpUrl: `http://${http}` };
}

export function acquire(
  service: Reach,
  sessionId: string,
  reason = "test",
): Promise<{ readonly controllerToken: string }> {
  return service.lease.acquire({
    sessionId,
    reason,
    passcode: "beach",
    ttl: durationFromMs(leaseTtlMs),
  });
}

export function hostOf(beach: Beach, index = 0): HostProcess {
  const host = beach.hosts[index];
  if (host === undefined) throw new RangeError(`there is no host ${index}`);
  return host;
}

/** The host and the manager both act by the session's n-th fast path; answers its handshake. */
export async function onFastPath(session: SessionUnderTest, nth: number): Promise<string> {
  const { host, beach, sessionId } = session;
  const promoted = await host.when(fastPath(sessionId, nth));
  const { handshakeId } = promoted;
  await beach.manager.when(
    (event) =>
      event.kind === "carrier" && event.sessionId === sessionId && event.over === handshakeId,
  );
  const polls = host.events.findLast((event) => event.kind === "poller");
  if (polls?.paused !== true) {
    await host.when((event) => event.kind === "poller" && event.paused, {
      from: host.events.length,
    });
  }
  return handshakeId;
}

/** The first state of the session's n-th fast path, among events that are looked at in order. */
export function fastPath(
  sessionId: string,
  nth: number,
): (event: HostEvent | ManagerEvent) => event is StateSeen {
  const generations = new Set<number>();
  return (event): event is StateSeen => {
    if (!isState(event, sessionId) || event.path !== "FAST_PATH") return false;
    generations.add(event.generation);
    return [...generations].indexOf(event.generation) === nth - 1;
  };
}

/** Waits until both ends have told it, each after the bookmark if there is one. */
export async function bothReport(
  { beach, host }: SessionUnderTest,
  passes: (event: HostEvent | ManagerEvent) => boolean,
  since: Bookmark = { manager: 0, host: 0 },
): Promise<void> {
  await Promise.all([
    beach.manager.when(passes, { from: since.manager }),
    host.when(passes, { from: since.host }),
  ]);
}

export function isState(event: HostEvent | ManagerEvent, sessionId: string): event is StateSeen {
  return event.kind === "state" && event.sessionId === sessionId;
}

export function isLink(event: HostEvent | ManagerEvent, handshakeId: string): event is LinkSeen {
  return event.kind === "link" && event.handshakeId === handshakeId;
}

/** What was sent and applied so far. */
export async function countersOf(
  beach: Beach,
  sessionId: string,
  host: HostProcess = hostOf(beach),
): Promise<{ readonly sent: SentCounters; readonly applied: AppliedCounters }> {
  return {
    sent: await beach.manager.ask<SentCounters>({ kind: "counters", sessionId }),
    applied: await host.ask<AppliedCounters>({ kind: "counters", sessionId }),
  };
}

/** Ends the rally and waits until the host has applied its last action, or nothing more comes. */
export async function lastBall(
  beach: Beach,
  sessionId: string,
  host: HostProcess = hostOf(beach),
): Promise<Awaited<ReturnType<typeof countersOf>>> {
  await beach.manager.ask({ kind: "rally", on: false });
  for (let tries = 0; ; tries += 1) {
    const counters = await countersOf(beach, sessionId, host);
    const done = counters.applied.lastApplied === counters.sent.lastSent;
    if (done || tries === lastBallTriesMax) return counters;
    await new Promise((resolve) => setTimeout(resolve, lastBallEveryMs));
  }
}

const lastBallTriesMax = 100;
const lastBallEveryMs = 100;

/** Everything that a renewal must not cause, as the ends saw and logged it. */
export interface Disturbances {
  /** States, channels, connections, carriers and pollers that changed. */
  readonly changes: readonly (HostEvent | ManagerEvent)[];
  readonly fallbackWarnings: readonly string[];
  readonly pollerResumptions: readonly string[];
  readonly pollerPauses: number;
}

/** The places in both ends' stories from which on a stretch is looked at. */
export interface Bookmark {
  readonly manager: number;
  readonly host: number;
}

export function bookmark(beach: Beach, host: HostProcess = hostOf(beach)): Bookmark {
  return { manager: beach.manager.events.length, host: host.events.length };
}

/** Changes since the bookmark, and what the logs say of the whole run. */
export function disturbances(
  beach: Beach,
  sessionId: string,
  since: Bookmark,
  host: HostProcess = hostOf(beach),
): Disturbances {
  const ofSession = (event: HostEvent | ManagerEvent): boolean =>
    "sessionId" in event && event.sessionId === sessionId;
  const hostLog = host.logs.filter((log) => log.sessionId === sessionId).map((log) => log.msg);
  return {
    changes: [
      ...beach.manager.events.slice(since.manager).filter(ofSession),
      ...host.events.slice(since.host).filter(ofSession),
    ],
    fallbackWarnings: beach.manager.logs
      .filter((log) => log.level === 40 && log.sessionId === sessionId)
      .map((log) => log.msg)
      .filter((message) => message.includes("continuing with HTTP fallback")),
    pollerResumptions: hostLog.filter((message) => message.includes("poller resumed")),
    pollerPauses: hostLog.filter((message) => message.includes("poller paused")).length,
  };
}
