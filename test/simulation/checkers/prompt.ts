import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Breach, Checker } from "../judging/checker.ts";
import { isTroubled, type StreamSeen, type Witness } from "../judging/witness.ts";

/** What the slowest store of these runs takes for a snapshot. */
const atOnceMs: DurationMs = 1_000;
/** The silence that bookmarks promise not to exceed. */
const silenceMs: DurationMs = 15_000;

/** At once a state, or a bookmark when the reader has everything. And never a long silence. */
export const prompt: Checker = (witness) =>
  witness.streams.flatMap((stream) => [
    ...late(witness, stream),
    ...silent(witness, stream),
    ...silentAtTheEnd(witness, stream),
  ]);

/** How long the first message took; a stream without messages waited until its end. */
function late(witness: Witness, stream: StreamSeen): Breach[] {
  const { opened, received } = stream;
  const [first] = received;
  const until = first?.at ?? readUntil(witness, stream);
  if (until === undefined) return [];
  const waitedMs = until - opened.at;
  if (waitedMs <= atOnceMs + witness.knowledge.lateMs || isTroubled(witness, opened.at, until))
    return [];
  const what = first === undefined ? "was told nothing in" : "began after";
  return [breach(stream, first?.serial ?? opened.serial, `${what} ${waitedMs} ms`)];
}

/** How long a fast reader waited for a message, where nothing kept the service from sending. */
function silent(witness: Witness, stream: StreamSeen): Breach[] {
  return stream.received.slice(1).flatMap(({ readySince, at, serial }) => {
    const waitedMs = at - readySince;
    if (waitedMs <= silenceMs + witness.knowledge.lateMs || isTroubled(witness, readySince, at))
      return [];
    return [breach(stream, serial, `was silent for ${waitedMs} ms`)];
  });
}

/** The same after the last message; a slow reader may not have been ready for another. */
function silentAtTheEnd(witness: Witness, stream: StreamSeen): Breach[] {
  const last = stream.received.at(-1);
  const until = readUntil(witness, stream);
  if (last === undefined || until === undefined || !stream.opened.isFast) return [];
  const waitedMs = until - last.at;
  if (waitedMs <= silenceMs + witness.knowledge.lateMs || isTroubled(witness, last.at, until))
    return [];
  return [breach(stream, last.serial, `was silent for the last ${waitedMs} ms`)];
}

/** Until when all that was told is known; undefined when more was on its way than arrived. */
function readUntil(
  { settledAt }: Witness,
  { closedAt, isMoreOnItsWay }: StreamSeen,
): EpochMs | undefined {
  if (closedAt === undefined) return settledAt;
  return isMoreOnItsWay ? undefined : closedAt;
}

function breach({ opened }: StreamSeen, serial: number, text: string): Breach {
  const sessionId = opened.sessionIds?.[0] ?? "";
  return { sessionId, serial, text: `stream ${opened.stream} of ${opened.by} ${text}` };
}
