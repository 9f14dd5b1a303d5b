import type { Report } from "../../../src/core/command.ts";
import type { EpochMs } from "../../../src/core/time.ts";
import type { Breach, Checker } from "../judging/checker.ts";
import { isTroubled, mayBeDetached, type Witness } from "../judging/witness.ts";
import type { Ask } from "../seen/ask.ts";
import type { EndSeen, TransportSeen } from "../seen/seen.ts";
import type { Asked, Received } from "../seen/sight.ts";

/**
 * While a replacement is negotiated, the current handshake and transport stay valid; they are
 * retired only after the replacement is confirmed, and it is never confirmed with fewer ready
 * channels than a usable current has by the last report received from each end. If it fails, the
 * current stays.
 */
export const overlapped: Checker = (witness) => [
  ...witness.streams.flatMap(({ received }) =>
    consecutive(witness, received).flatMap((step) => judge(witness, step)),
  ),
  ...retiredWhileLingering(witness),
];

/** Two states of one session with nothing between them. */
interface Step {
  readonly sessionId: string;
  readonly serial: number;
  readonly at: EpochMs;
  readonly before: TransportSeen;
  readonly after: TransportSeen;
}

function consecutive({ knowledge }: Witness, received: readonly Received[]): readonly Step[] {
  const last = new Map<string, TransportSeen>();
  return received.flatMap(({ message, serial, at }): readonly Step[] => {
    if (message.kind === "gone") last.delete(message.sessionId);
    if (message.kind !== "state") return [];
    const { sessionId, state, coalesced } = message;
    const before = last.get(sessionId);
    last.set(sessionId, state);
    if (before === undefined || coalesced > 0) return [];
    // What other processes changed in between may never have waited to be told.
    if (knowledge.processes === "several" && state.version > before.version + 1) return [];
    return [{ sessionId, serial, at, before, after: state }];
  });
}

function judge(witness: Witness, step: Step): Breach[] {
  const { before, after, sessionId, serial } = step;
  if (before.path !== "fast_path" || before.handshakeId === undefined) return [];
  const words = wordsOn(witness, step);
  if (words === undefined) return [];
  const say = (text: string): Breach[] => [
    { sessionId, serial, text: `${text} while ${before.handshakeId} was well` },
  ];
  if (after.handshakeId === before.handshakeId) {
    return after.path === "fast_path" ? [] : say(`the path became ${after.path} (${after.change})`);
  }
  if (after.handshakeId === undefined) return say("the fast path was taken away");
  if (after.handshakeId !== before.negotiation?.handshakeId) {
    return say(`${after.handshakeId}, which was not in flight, was promoted`);
  }
  if (after.lingering?.handshakeId !== before.handshakeId) return say("it does not linger");
  const fewer = before.ends
    .filter((end) => hasFewer(after.ends, certain(end, words)))
    .map(({ end }) => end);
  return fewer.length === 0 ? [] : say(`the replacement has fewer channels at the ${fewer} end`);
}

function hasFewer(ends: readonly EndSeen[], before: EndSeen): boolean {
  const after = ends.find(({ end }) => end === before.end);
  if (after === undefined) return false;
  return before.readyChannels.some((channel) => !after.readyChannels.includes(channel));
}

/**
 * What an end has for certain: the report that brought the promotion about may have been the first
 * to be heard of a channel that is gone.
 */
function certain(end: EndSeen, words: readonly Report[]): EndSeen {
  const own = words.filter((word) => word.end === end.end);
  const readyChannels = end.readyChannels.filter((channel) =>
    own.every((word) => word.readyChannels.includes(channel)),
  );
  return { ...end, readyChannels };
}

/**
 * What both ends said of the transport in use; undefined unless that was for long nothing but good,
 * and in time.
 */
function wordsOn(
  witness: Witness,
  { sessionId, at: until, before }: Step,
): readonly Report[] | undefined {
  const { evidenceLostMs, acksStalledMs } = witness.policy;
  // Long enough for silence, a slow acknowledgement or a late word to have shown itself.
  const since = until - evidenceLostMs - acksStalledMs;
  if (isTroubled(witness, since, until)) return undefined;
  const words = witness.asks.filter(
    ({ ask, at, sessionId: about }) =>
      about === sessionId && ask.kind === "Report" && at >= since && at <= until,
  );
  const ofCurrent = words.filter(({ ask }) => isAbout(ask, before.handshakeId));
  if (!ofCurrent.every(({ ask }) => isGood(ask))) return undefined;
  const isReceived = (["manager", "host"] as const).every((end) =>
    isUnbroken(
      ofCurrent.filter(
        ({ ask, askId }) =>
          isReport(ask) && ask.end === end && isHeard(witness, { ask, askId }, words),
      ),
      Math.max(since, until - 9_000),
    ),
  );
  return isReceived ? ofCurrent.map(({ ask }) => ask).filter(isReport) : undefined;
}

/** The report counted for certain: it was answered, and none with a higher number came before it. */
function isHeard(
  { answerOf }: Witness,
  { ask, askId }: { readonly ask: Report; readonly askId: number },
  words: readonly Asked[],
): boolean {
  const answer = answerOf.get(askId);
  if (answer === undefined) return false;
  return words.every(
    (other) =>
      !isReport(other.ask) ||
      other.ask.reporterId !== ask.reporterId ||
      other.ask.sequence <= ask.sequence ||
      other.serial > answer.serial ||
      (answerOf.get(other.askId)?.serial ?? 0) > answer.serial,
  );
}

function isReport(ask: Ask): ask is Report {
  return ask.kind === "Report";
}

/** The end was heard about once a second. */
function isUnbroken(words: readonly { readonly at: number }[], since: number): boolean {
  return words.filter(({ at }) => at >= since).length >= 7;
}

function isAbout(ask: Ask, handshakeId: string | undefined): boolean {
  return ask.kind === "Report" && ask.handshakeId === handshakeId;
}

function isGood(ask: Ask): boolean {
  return (
    ask.kind === "Report" &&
    ask.connection === "connected" &&
    ask.readyChannels.includes("mgr-actions") &&
    ask.oldestUnackedMs < 4_000
  );
}

/** What was replaced is honoured until the moment that the state named. */
function retiredWhileLingering(witness: Witness): Breach[] {
  const { answers, states, knowledge } = witness;
  const lingering = new Map<string, { readonly until: number; readonly generation: number }>();
  for (const { era, sessionId, state } of states) {
    if (state.lingering === undefined) continue;
    const { handshakeId, honouredUntil: until } = state.lingering;
    lingering.set(`${era} ${sessionId} ${handshakeId}`, { until, generation: state.generation });
  }
  return answers.flatMap(({ ask, answer, sessionId, serial, era, serviceNow }) => {
    if (ask.kind !== "Report" || answer.kind === "refused" || !answer.verdict) return [];
    const { standing, generation } = answer.verdict;
    const linger = lingering.get(`${era} ${sessionId} ${ask.handshakeId}`);
    const lingers = linger?.generation === generation;
    const isEarly = lingers && serviceNow + knowledge.clockMs < linger.until;
    if (standing !== "retired" || !isEarly || mayBeDetached(witness, sessionId, serial)) return [];
    const text = `${ask.handshakeId} was retired while it should have lingered`;
    return [{ sessionId, serial, text }];
  });
}
