import { expect, test } from "vitest";

import { plainManners } from "../../src/demo/beach/messages.ts";
import {
  bookmark,
  disturbances,
  isState,
  lastBall,
  onFastPath,
  startSession,
} from "../support/process/beach-under-test.ts";
import { spawnService } from "../support/process/run-service.ts";

const sessionId = "old";
/** Signalling and ICE take a while between real machines; measured: about 6 s. */
const negotiationMs = 1_500;
const renewEveryMs = 3_500;

/** What the acceptance run is searched for is here: this harness can show an outage. */
test("a handshake for each renewal, break before make, interrupts the fast path each time", async () => {
  await using service = await spawnService();
  await using session = await startSession(service, {
    sessionId,
    oldRenewals: true,
    negotiation: { ...plainManners, delayMs: negotiationMs },
  });
  const { beach } = session;
  await onFastPath(session, 1);
  const since = bookmark(beach);
  beach.startOldTile(sessionId, renewEveryMs);
  for (const generation of [2, 3, 4]) await onFastPath(session, generation);

  const last = await lastBall(beach, sessionId);
  expect(last.applied.missing).toBe(0);
  const seen = disturbances(beach, sessionId, since);
  expect(new Set(seen.fallbackWarnings)).toEqual(
    new Set([
      "fast-path actions channel not established; continuing with HTTP fallback",
      "fast-path ack channel not established; continuing with HTTP fallback",
      "fast-path state channel not established; continuing with HTTP fallback",
    ]),
  );
  expect(seen.pollerResumptions.length).toBeGreaterThanOrEqual(3);
  expect(seen.pollerPauses).toBeGreaterThanOrEqual(4);
  expect(seen.changes.filter((event) => isState(event, sessionId)).length).toBeGreaterThan(0);
  const { sent, applied } = last;
  expect(sent.fallbacks).toBeGreaterThanOrEqual(3);
  process.stdout.write(
    `old behaviour: ${sent.overHttp} of ${sent.lastSent} actions over HTTP, ` +
      `largest gap ${applied.largestGapMs} ms\n`,
  );
}, 60_000);
