import { describe, expect, test, vi } from "vitest";

import { defaultPolicy, scalePolicy } from "../../src/core/policy.ts";
import type { SessionRecord } from "../../src/core/session.ts";
import { type Beach, startBeach, type TileProcess } from "../../src/demo/beach/beach.ts";
import type { AppliedCounters, TileEvent } from "../../src/demo/beach/messages.ts";
import {
  acquire,
  type Bookmark,
  bookmark,
  countersOf,
  type Disturbances,
  disturbances,
  doorsOf,
  hostOf,
  isState,
  lastBall,
  renewedOverFirst,
} from "../support/process/beach-under-test.ts";
import { type Reach, runService, spawnService } from "../support/process/run-service.ts";
import { copyOf, storeFolder } from "../support/store/store-files.ts";

interface Rally {
  readonly renewEveryMs: number;
  readonly renewals: number;
}

interface Outcome {
  readonly tileEvents: readonly TileEvent[];
  readonly oldTileRenewals: number;
  readonly before: SessionRecord | undefined;
  readonly after: SessionRecord | undefined;
  readonly seen: Disturbances;
  readonly renewed: AppliedCounters & { readonly lastSent: number };
  readonly quiet: AppliedCounters;
}

const renewedId = "renewed";
const quietId = "quiet";

/**
 * A rally on two sessions of one host: one kept by two Connect tiles and an old one, one whose
 * lease needs no renewal. What is watched begins once everything stands.
 */
async function play(service: Reach, storePath: string, rally: Rally): Promise<Outcome> {
  await using beach = await startBeach({
    ...doorsOf(service),
    hosts: [{ sessionIds: [renewedId, quietId], door: "connect" }],
  });
  await acquire(service, quietId);
  const tiles = ["tile-1", "tile-2"].map((reason) =>
    beach.startTile({ sessionId: renewedId, reason, renewEveryMs: rally.renewEveryMs }),
  );
  const oldTile = beach.startOldTile(renewedId, rally.renewEveryMs);
  await stands(beach, renewedId, 3);
  await stands(beach, quietId, 1);
  await Promise.all(tiles.map(renewedOverFirst));

  const oldToken = await oldTokenOf(service);
  const before = await provenRecordOf(storePath);
  const since: Bookmark = bookmark(beach);
  const from = tiles.map((tile) => tile.events.length);
  const oldFrom = oldTile.events.length;
  await Promise.all([renewedId, quietId].map((id) => mark(beach, id)));
  const done = (events: readonly unknown[], start: number): boolean =>
    events.length - start >= rally.renewals;
  const patience = { timeoutMs: 3 * rally.renewals * rally.renewEveryMs + 20_000 };
  await Promise.all([
    ...tiles.map((tile, index) => tile.when(() => done(tile.events, from[index] ?? 0), patience)),
    oldTile.when(() => done(oldTile.events, oldFrom), patience),
  ]);
  const after = await recordOf(storePath);
  expect(await oldTokenOf(service)).toBe(oldToken);
  const { applied, sent } = await lastBall(beach, renewedId);
  const seen = disturbances(beach, renewedId, since);
  return {
    tileEvents: tiles.flatMap((tile: TileProcess, index) => tile.events.slice(from[index])),
    oldTileRenewals: oldTile.events.length - oldFrom,
    before,
    after,
    seen,
    renewed: { ...applied, lastSent: sent.lastSent },
    quiet: (await countersOf(beach, quietId)).applied,
  };
}

/** Waits until a session is on a healthy fast path with all its leases granted. */
async function stands(beach: Beach, sessionId: string, leases: number): Promise<void> {
  await beach.manager.when(
    (event) =>
      isState(event, sessionId) &&
      event.path === "FAST_PATH" &&
      event.health === "HEALTHY" &&
      event.liveLeases === leases,
  );
  await hostOf(beach).when((event) => event.kind === "poller" && event.sessionId === sessionId);
}

/** The controller token that the old route answers. */
async function oldTokenOf(service: Reach): Promise<string> {
  const answer = await fetch(service.httpUrl(`/sessions/${renewedId}/controller-handshake`), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ passcode: "beach" }),
  });
  const { controller_token: token } = (await answer.json()) as { controller_token: string };
  return token;
}

async function mark(beach: Beach, sessionId: string): Promise<void> {
  await hostOf(beach).ask({ kind: "mark", sessionId });
}

/** The session as the store's file would show it if the service were killed now. */
async function recordOf(storePath: string): Promise<SessionRecord | undefined> {
  await using copy = await copyOf(storePath);
  return await copy.store.load(renewedId);
}

/** The record once both ends have said what they know of the promotion, and the file has it. */
async function provenRecordOf(storePath: string): Promise<SessionRecord | undefined> {
  return await vi.waitUntil(
    async () => {
      const record = await recordOf(storePath);
      if (record?.kind !== "attached" || record.transport.path.kind !== "active") return undefined;
      const { generation, path } = record.transport;
      const { goodSince, manager, host } = path.current;
      const known = [manager, host].every((end) => end?.generation === generation);
      const proven = goodSince !== undefined && known;
      return proven ? record : undefined;
    },
    { timeout: 10_000, interval: 100 },
  );
}

/** Where two records differ, as dotted paths. */
function differences(before: unknown, after: unknown, path = ""): readonly string[] {
  if (Object.is(before, after)) return [];
  if (!isObject(before) || !isObject(after)) return [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) =>
    differences(before[name], after[name], path === "" ? name : `${path}.${name}`),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** What a renewal and a report may move: the expiry, when evidence was observed, counts of both. */
const mayMove: readonly RegExp[] = [
  /^revision$/,
  /^activeAt$/,
  /^leases\.live\.\d+\.expiresAt$/,
  /^transport\.hostReportedAt$/,
  /^transport\.reporters\.\d+\.sequence$/,
  /^transport\.path\.current\.(manager|host)\.(observedAt|gapMs|oldestUnackedMs|readyReports\.\d+\.at)$/,
];

function expectUndisturbed(outcome: Outcome, rally: Rally): void {
  const { tileEvents, seen, renewed, quiet } = outcome;
  process.stdout.write(
    `largest gap between applied actions: ${renewed.largestGapMs} ms with ` +
      `${tileEvents.length + outcome.oldTileRenewals} renewals, ${quiet.largestGapMs} ms without\n`,
  );
  expect(tileEvents.length).toBeGreaterThanOrEqual(2 * rally.renewals);
  expect(outcome.oldTileRenewals).toBeGreaterThanOrEqual(rally.renewals);
  const outcomes = tileEvents.map((event) =>
    event.kind === "renewed" ? event.outcome : event.kind,
  );
  expect(new Set(outcomes)).toEqual(new Set(["refresh"]));
  const generations = tileEvents.map((event) => event.kind === "renewed" && event.generation);
  expect(new Set(generations).size).toBe(1);
  const tokens = tileEvents.map((event) => (event.kind === "renewed" ? event.tokenDigest : ""));
  expect(new Set(tokens).size).toBe(2);

  expect(seen.fallbackWarnings).toEqual([]);
  expect(seen.pollerResumptions).toEqual([]);
  expect(seen.pollerPauses).toBe(1);

  expect(renewed.missing).toBe(0);
  expect(renewed.lastApplied).toBe(renewed.lastSent);
  expect(renewed.largestGapMs).toBeLessThan(quiet.largestGapMs + 500);
}

describe.concurrent("Undisturbed: renewals over a live fast path", () => {
  test("change nothing but the expiry, for longer than every horizon", async () => {
    await using folder = await storeFolder();
    await using service = await spawnService({ LEASE_STORE_URL: `sqlite:${folder.storePath}` });
    const rally = { renewEveryMs: 1_000, renewals: 46 };
    const outcome = await play(service, folder.storePath, rally);
    expectUndisturbed(outcome, rally);
    expect(outcome.seen.changes).toEqual([]);
    const moved = differences(outcome.before, outcome.after);
    expect(moved.filter((path) => !mayMove.some((allowed) => allowed.test(path)))).toEqual([]);
    expect(moved).toContain("leases.live.0.expiresAt");
  }, 120_000);

  test("change nothing but the expiry, with every horizon at a tenth", async () => {
    await using service = await runService({
      store: "sqlite",
      policy: scalePolicy(defaultPolicy, 0.1),
    });
    const rally = { renewEveryMs: 100, renewals: 60 };
    const outcome = await play(service, service.storePath, rally);
    expectUndisturbed(outcome, rally);
    const moved = differences(outcome.before, outcome.after);
    expect(
      moved.filter((path) => /handshake|generation|tokenHashes|\.id$|Id$/i.test(path)),
    ).toEqual([]);
  }, 60_000);
});
