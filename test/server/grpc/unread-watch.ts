import { beach } from "../../api/conformance/conformance-subject.ts";
import type { Reach } from "../../support/process/run-service.ts";
import { ChangingSessions } from "../watches/changing-sessions.ts";
import { openRawWatch, type RawProtocol, type RawWatch } from "../watches/raw-watch.ts";

const sessionIds = Array.from({ length: 30 }, (_, index) => `session-${index}`);

/**
 * Watches a private beach and reads nothing. Resolves when flow control has stopped the service in
 * the middle of a write.
 */
export async function openUnreadWatch(reach: Reach, protocol: RawProtocol): Promise<RawWatch> {
  const sessions = new ChangingSessions(reach);
  await Promise.all(sessionIds.map((id) => sessions.attach(id, beach)));
  const reader = await openRawWatch(reach, protocol, beach);
  await sessions.fill(reader, sessionIds);
  return reader;
}
