import { beach } from "../api/conformance-subject.ts";
import type { Reach } from "../support/run-service.ts";
import { openRawWatch, type RawWatch } from "./raw-watch.ts";

/** Enough states to fill every buffer between the service and a reader. */
const sessions = 1500;

/**
 * Watches a whole private beach over gRPC, and reads nothing: flow control stops the service in the
 * middle of a write. Resolves when the service has begun to answer.
 */
export async function openUnreadWatch(reach: Reach): Promise<RawWatch> {
  const ids = Array.from({ length: sessions }, (_, index) => `session-${index}`);
  await Promise.all(
    ids.map((sessionId) => reach.registry.attachSession({ sessionId, privateBeachId: beach })),
  );
  return openRawWatch(reach, "gRPC", beach);
}
