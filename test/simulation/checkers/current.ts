import type { DurationMs } from "../../../src/core/time.ts";
import type { Breach, Checker } from "../judging/checker.ts";
import {
  isTroubled,
  type StateSighting,
  type StreamSeen,
  type Witness,
} from "../judging/witness.ts";

/** How much later than others a reader that is always ready may receive a state. */
const behindMs: DurationMs = 1_000;

/** The last state of every session always arrives. Soon, where the reader is ready. */
export const current: Checker = (witness) =>
  witness.streams.flatMap((stream) => [...behind(witness, stream), ...atTheEnd(witness, stream)]);

/** The newest version of a session that anybody was shown up to a moment: of one process, by it. */
function newestUntil(
  { states, knowledge: { processes } }: Witness,
  { sessionId, era, run, at }: Pick<StateSighting, "sessionId" | "era" | "run" | "at">,
): StateSighting | undefined {
  return states.findLast(
    (sighting) =>
      sighting.at <= at &&
      sighting.sessionId === sessionId &&
      sighting.era === era &&
      (processes === "several" || sighting.run === run),
  );
}

/** With each message that is not about a session, its last word on that session still holds. */
function behind(witness: Witness, { opened, received }: StreamSeen): Breach[] {
  if (!opened.isFast) return [];
  const { lateMs } = witness.knowledge;
  const last = new Map<string, number>();
  const breaches: Breach[] = [];
  for (const { message, at, serial, era, run } of received) {
    if (message.kind === "state") last.set(message.sessionId, message.state.version);
    if (message.kind === "gone") last.delete(message.sessionId);
    for (const [sessionId, version] of last) {
      const until = at - behindMs - lateMs;
      const newest = newestUntil(witness, { sessionId, era, run, at: until });
      if (newest === undefined || newest.at < opened.at || newest.state.version <= version)
        continue;
      // What is noted by its reader may have been kept back on its way.
      if (lateMs > 0 && isTroubled(witness, until, at)) continue;
      const text = `stream ${opened.stream} of ${opened.by} is still told ${version} and others were shown ${newest.state.version}`;
      breaches.push({ sessionId, serial, text });
    }
  }
  return breaches;
}

/** Of a stream that is open at the end, the last word on each session is the truth. */
function atTheEnd(witness: Witness, { opened, received, closedAt }: StreamSeen): Breach[] {
  const { settledAt: at } = witness;
  if (closedAt !== undefined || opened.at > at) return [];
  const known = new Map(opened.known);
  for (const { message } of received) {
    if (message.kind === "state") known.set(message.sessionId, message.state.version);
    if (message.kind === "gone") known.delete(message.sessionId);
  }
  const { era, run } = opened;
  return (opened.sessionIds ?? witness.sessionIds).flatMap((sessionId) => {
    const truth = newestUntil(witness, { sessionId, era, run, at });
    const version = known.get(sessionId) ?? 0;
    if (truth === undefined || version >= truth.state.version) return [];
    const text = `stream ${opened.stream} of ${opened.by} ends with ${version}, the truth is ${truth.state.version}`;
    return [{ sessionId, serial: truth.serial, text }];
  });
}
