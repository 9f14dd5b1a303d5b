import type { Breach, Checker } from "../judging/checker.ts";
import type { StreamSeen } from "../judging/witness.ts";

/** A reconnecting reader gets only what differs from what it knows. */
export const resumable: Checker = ({ streams }) => streams.flatMap(repeated);

function repeated({ opened, received }: StreamSeen): Breach[] {
  const first = new Set<string>();
  return received.flatMap(({ message, serial }) => {
    if (message.kind !== "state" && message.kind !== "gone") return [];
    const { sessionId } = message;
    if (first.has(sessionId)) return [];
    first.add(sessionId);
    if (message.kind === "gone" || opened.known.get(sessionId) !== message.state.version) return [];
    // After a loss the same number may name another state than the one that the reader knows.
    if (opened.era > 0 && message.coalesced > 0) return [];
    const text = `stream ${opened.stream} of ${opened.by} was told ${message.state.version} again`;
    return [{ sessionId, serial, text }];
  });
}
