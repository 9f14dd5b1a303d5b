import { expect, test } from "vitest";

import {
  acquire,
  bookmark,
  bothReport,
  disturbances,
  isState,
  lastBall,
  onFastPath,
  startSession,
} from "../support/process/beach-under-test.ts";
import { spawnService } from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";

const sessionId = "adopted";

test("a service that lost its store adopts the fast path of a live rally", async () => {
  await using first = await storeFolder();
  await using second = await storeFolder();
  const service = await spawnService({ LEASE_STORE_URL: `sqlite:${first.storePath}` });
  await using session = await startSession(service, { sessionId });
  const { beach } = session;
  const handshakeId = await onFastPath(session, 1);
  const served = session.host.events.findLast((event) => isState(event, sessionId));
  const since = bookmark(beach);
  await service.stop("SIGKILL");

  await using again = await spawnService({
    LEASE_STORE_URL: `sqlite:${second.storePath}`,
    LEASE_GRPC_LISTEN: service.addresses.grpc,
    LEASE_HTTP_LISTEN: service.addresses.http,
  });
  await bothReport(session, (e) => isState(e, sessionId) && e.reason === "adopted", since);
  const { changes, fallbackWarnings } = disturbances(beach, sessionId, since);
  const adopted = changes.filter((event) => isState(event, sessionId)).at(-1);
  expect(adopted).toMatchObject({ path: "FAST_PATH", handshakeId });
  expect(adopted?.generation).toBeGreaterThan(served?.generation ?? Number.POSITIVE_INFINITY);
  expect(changes.filter((event) => ["link", "carrier"].includes(event.kind))).toEqual([]);
  expect(fallbackWarnings).toEqual([]);

  await acquire(again, sessionId);
  const { applied, sent } = await lastBall(beach, sessionId);
  expect(applied.missing).toBe(0);
  expect(applied.lastApplied).toBe(sent.lastSent);
  expect(disturbances(beach, sessionId, since).changes).not.toContainEqual(
    expect.objectContaining({ kind: "link" }),
  );
}, 60_000);
