import { beach } from "../api/conformance-subject.ts";
import type { Reach } from "../support/run-service.ts";
import { openRawWatch, type RawWatch } from "./raw-watch.ts";

/**
 * Watches a private beach with one session over gRPC, and reads nothing: flow control stops the
 * service in the middle of its first write. Resolves when the service has begun to answer.
 */
export async function openUnreadWatch(reach: Reach): Promise<RawWatch> {
  await reach.registry.attachSession({ sessionId: "s1", privateBeachId: beach });
  return openRawWatch(reach, "gRPC", beach);
}
