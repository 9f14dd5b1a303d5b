import type { Breach, Checker } from "../judging/checker.ts";
import type { StreamSeen } from "../judging/witness.ts";

/**
 * The first state of a session on a stream is the truth whatever its version; after that versions
 * only rise.
 */
export const ordered: Checker = ({ streams }) => streams.flatMap(fallen);

function fallen({ opened, received }: StreamSeen): Breach[] {
  const last = new Map<string, number>();
  return received.flatMap(({ message, serial }) => {
    if (message.kind !== "state") return [];
    const { sessionId, state } = message;
    const before = last.get(sessionId);
    last.set(sessionId, state.version);
    if (before === undefined || state.version > before) return [];
    const text = `stream ${opened.stream} of ${opened.by} was told ${state.version} after ${before}`;
    return [{ sessionId, serial, text }];
  });
}
