import type { Breach, Checker } from "../judging/checker.ts";
import { isAfter, type StreamSeen, type Witness } from "../judging/witness.ts";
import type { Message, Received } from "../seen/sight.ts";

/**
 * A slow reader costs bounded memory and is told how much was merged. Of each session it is told
 * the newest state, and no older one that waited. What another process changed is read when it is
 * heard of: a state in between may never have waited here, and does not count.
 */
export const bounded: Checker = (witness) =>
  witness.streams
    .flatMap((stream) => stream.received.flatMap((received) => outdated(witness, received)))
    .concat(witness.streams.flatMap((stream) => miscounted(witness, stream)));

function outdated({ states }: Witness, received: Received): Breach[] {
  const { message, serial, era, run, stream } = received;
  if (message.kind !== "state") return [];
  const { sessionId, state } = message;
  const newer = states.findLast(
    (seen) =>
      seen.sessionId === sessionId &&
      seen.era === era &&
      seen.run === run &&
      isAfter(received, seen),
  );
  if (newer === undefined || newer.state.version <= state.version) return [];
  const text = `stream ${stream} was told ${state.version} when ${newer.state.version} was shown`;
  return [{ sessionId, serial, text }];
}

type StateMessage = Extract<Message, { kind: "state" }>;

function miscounted({ states, knowledge }: Witness, { opened, received }: StreamSeen): Breach[] {
  const last = new Map<string, StateMessage>();
  return received.flatMap(({ message, serial }) => {
    if (message.kind === "gone") last.delete(message.sessionId);
    if (message.kind !== "state") return [];
    const { sessionId, state, coalesced } = message;
    const before = last.get(sessionId);
    last.set(sessionId, message);
    if (before === undefined) return [];
    const say = (text: string): Breach[] => [
      { sessionId, serial, text: `stream ${opened.stream} of ${opened.by} ${text}` },
    ];
    const skipped = state.version - before.state.version - 1;
    if (coalesced > skipped) return say(`claims to have merged ${coalesced} of ${skipped}`);
    if (knowledge.processes === "several") return [];
    const between = new Set(
      states
        .filter((seen) => seen.sessionId === sessionId && seen.era === opened.era)
        .map((seen) => seen.state.version)
        .filter((version) => version > before.state.version && version < state.version),
    );
    // Each of them was shown to somebody, and so waited here.
    if (between.size <= coalesced) return [];
    const versions = `${before.state.version} and ${state.version}`;
    return say(`claims to have merged ${coalesced} between ${versions}, and ${between.size} were`);
  });
}
