import { timestampMs } from "@bufbuild/protobuf/wkt";

import type { Lease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { freshId, readyReport } from "../api/conformance/conformance-subject.ts";
import { refusalOf } from "../api/expect-refusal.ts";
import type { Reach } from "../support/process/run-service.ts";
import type { RetryingClient } from "./generic-client.ts";

/** What a client was answered about a session, as far as it has come. */
export interface Facts {
  readonly sessionId: string;
  token?: string;
  lease?: Lease | undefined;
  /** Of the fast path that the client's report has promoted. */
  generation?: bigint;
  endedBy?: "released" | "revoked";
}

const ttl = { seconds: 300n };
/** What the answers of one moment differ by: each has its own reading of the wall clock. */
const readingMs = 50;

/**
 * One session from its first lease on: the lease is renewed, and every third one each is kept, is
 * released, is revoked. Notes each answer in `facts` when it is there.
 */
export async function liveThrough(client: RetryingClient, facts: Facts[]): Promise<void> {
  const { acquire, renew, release } = ControllerLease.method;
  const { reportTransport, revokeLeases } = FastPathRegistry.method;
  const sessionId = freshId();
  const known: Facts = { sessionId };
  const place = facts.push(known);

  const asked = { sessionId, privateBeachId: "beach-1", passcode: "1", ttl };
  const { controllerToken, lease, offer } = await client.call(acquire, asked);
  Object.assign(known, { token: controllerToken, lease });
  if (client.isInternal) {
    const reports = [readyReport(sessionId, offer?.handshakeId ?? "", { sequence: 1n })];
    const { verdicts } = await client.call(reportTransport, { reports });
    known.generation = verdicts[0]?.generation ?? 0n;
  }
  known.lease = (await client.call(renew, { sessionId, controllerToken })).lease;
  if (place % 3 === 1) {
    await client.call(release, { sessionId, controllerToken });
    known.endedBy = "released";
  }
  if (place % 3 === 2) {
    await client.call(revokeLeases, { sessionId });
    known.endedBy = "revoked";
  }
}

/** What the service no longer says as it was answered before; undefined when all of it holds. */
export async function contradictionOf(
  { registry }: Reach,
  { sessionId, token, lease, generation, endedBy }: Facts,
): Promise<string | undefined> {
  if (token === undefined) return undefined;
  const check = registry.checkLease({ sessionId, controllerToken: token });
  if (endedBy !== undefined) {
    const { reason, metadata } = await refusalOf(check);
    const said = `${reason} ${metadata.ended_by}`;
    return said === `LEASE_NOT_LIVE ${endedBy}` ? undefined : `${sessionId}: ${said}`;
  }
  const now = await check.catch((error: unknown) => String(error));
  if (typeof now === "string") return `${sessionId}: ${now}`;
  const holds =
    now.lease?.leaseId === lease?.leaseId &&
    now.lease?.epoch === lease?.epoch &&
    expiryMs(now.lease) >= expiryMs(lease) - readingMs &&
    now.generation === (generation ?? 0n);
  return holds ? undefined : `${sessionId}: a lease that differs, or generation ${now.generation}`;
}

function expiryMs(lease: Lease | undefined): number {
  return lease?.expiresAt === undefined ? Number.NaN : timestampMs(lease.expiresAt);
}
