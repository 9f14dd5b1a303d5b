import type { DurationMs } from "../../../src/core/time.ts";
import type { Breach, Checker } from "./checker.ts";
import { isTroubled, type StreamSeen, type Witness } from "./witness.ts";

/** What the slowest store of these runs takes for a snapshot. */
const atOnceMs: DurationMs = 1_000;
/** The silence that bookmarks promise not to exceed. */
const silenceMs: DurationMs = 15_000;

/** At once a state, or a bookmark when the reader has everything. And never a long silence. */
export const prompt: Checker = (witness) =>
  witness.streams.flatMap((stream) => [...late(witness, stream), ...silent(witness, stream)]);

function late(witness: Witness, { opened, told }: StreamSeen): Breach[] {
  const [first] = told;
  if (first === undefined) return [];
  const waitedMs = first.at - opened.at;
  if (waitedMs <= atOnceMs + witness.knowledge.lateMs || isTroubled(witness, opened.at, first.at))
    return [];
  const text = `stream ${opened.stream} of ${opened.by} began after ${waitedMs} ms`;
  return [{ sessionId: opened.sessionIds?.[0] ?? "", serial: first.serial, text }];
}

/** How long a fast reader waited for a message, where nothing kept the service from sending. */
function silent(witness: Witness, { opened, told }: StreamSeen): Breach[] {
  return told.slice(1).flatMap(({ readySince, at, serial }) => {
    const waitedMs = at - readySince;
    if (waitedMs <= silenceMs + witness.knowledge.lateMs || isTroubled(witness, readySince, at))
      return [];
    const text = `stream ${opened.stream} of ${opened.by} was silent for ${waitedMs} ms`;
    return [{ sessionId: opened.sessionIds?.[0] ?? "", serial, text }];
  });
}
