import type { DurationMs } from "../../../src/core/time.ts";
import type { Breach, Checker } from "../judging/checker.ts";
import {
  type LeaseLife,
  type LeaseMoment,
  type LiveMoment,
  leaseLives,
  type OverMoment,
} from "../judging/lease-lives.ts";
import { greatestBefore, isAfter, isTroubled, type Witness } from "../judging/witness.ts";
import type { Asked } from "../seen/sight.ts";

/** A call that nobody was answered, or that the network doubled, has arrived by then or never. */
const latestMs: DurationMs = 60_000;

/**
 * A lease is live until its `expires_at` (exclusive). Only a renewal, or the grace after a gap,
 * moves it, and only later. Once anything has shown that it ended, it never revives.
 */
export const held: Checker = (witness) =>
  leaseLives(witness).flatMap((life) => judge(witness, life));

function judge(witness: Witness, life: LeaseLife): readonly Breach[] {
  const breaches: Breach[] = [];
  const say = ({ answer: { serial } }: LeaseMoment, text: string | undefined): void => {
    if (text === undefined) return;
    breaches.push({ sessionId: life.sessionId, serial, text: `${life.leaseId} ${text}` });
  };
  const longestBefore = greatestBefore(
    life.moments.filter((moment) => moment.kind === "live"),
    { stampOf: ({ answer }) => answer, size: ({ endsAt }) => endsAt },
  );
  let shown: LiveMoment | undefined;
  let over: OverMoment | undefined;
  for (const moment of life.moments) {
    const { answer } = moment;
    if (moment.kind === "over") {
      if (over === undefined) say(moment, whyTooEarly(witness, life, { shown, moment }));
      over ??= moment;
      continue;
    }
    if (over !== undefined && isAfter(answer, over.answer)) {
      say(moment, "was shown live after it had ended");
    }
    if (isOver(witness, moment)) say(moment, "was shown live after its end");
    const before = longestBefore(answer);
    if (before !== undefined) say(moment, whyMoved(witness, life, { shown: before, moment }));
    if (moment.endsAt >= (shown?.endsAt ?? 0)) shown = moment;
  }
  return breaches;
}

/** Whether the lease was over by the time that it was shown live. */
function isOver({ knowledge }: Witness, { answer, endsAt }: LiveMoment): boolean {
  return endsAt <= answer.since - knowledge.onItsWayMs - knowledge.clockMs;
}

/** Why the lease should not have been over; undefined if it may be. */
function whyTooEarly(
  { asks, knowledge: { clockMs } }: Witness,
  { sessionId }: LeaseLife,
  { shown, moment }: { readonly shown: LiveMoment | undefined; readonly moment: OverMoment },
): string | undefined {
  const { answer, endedBy } = moment;
  const wasAsked = (kind: Asked["ask"]["kind"]): boolean =>
    asks.some(
      (ask) => ask.sessionId === sessionId && ask.ask.kind === kind && ask.serial < answer.serial,
    );
  switch (endedBy) {
    case "released":
      return wasAsked("Release") ? undefined : "was released by nobody";
    case "revoked":
      return wasAsked("Revoke") ? undefined : "was revoked by nobody";
    case "detached":
      return wasAsked("Detach") ? undefined : "was detached by nobody";
    case "expired":
    case "unknown":
    case "session unknown": {
      const earlyMs = (shown?.endsAt ?? 0) - answer.at;
      if (earlyMs <= clockMs || (endedBy !== "expired" && wasAsked("Detach"))) return undefined;
      return `was over (${endedBy}) ${earlyMs} ms before its end`;
    }
  }
}

/** What is wrong with how the end moved from one moment to the next. */
function whyMoved(
  witness: Witness,
  life: LeaseLife,
  { shown, moment }: { readonly shown: LiveMoment; readonly moment: LiveMoment },
): string | undefined {
  const { clockMs } = witness.knowledge;
  const laterMs = moment.endsAt - shown.endsAt;
  if (laterMs < -clockMs) return `was shortened by ${-laterMs} ms`;
  if (laterMs <= clockMs) return undefined;
  if (isTroubled(witness, shown.answer.since, moment.answer.at)) return undefined;
  const isRenewed = life.renewals.some((ask) => mayTakeEffect(witness, ask, shown, moment));
  return isRenewed ? undefined : `was extended by ${laterMs} ms, and nobody had renewed it`;
}

/** Whether the call may have taken effect after the one moment and not after the other. */
function mayTakeEffect(
  { answerOf }: Witness,
  ask: Asked,
  { answer: from }: LiveMoment,
  { answer: until }: LiveMoment,
): boolean {
  if (ask.askId === until.askId) return true;
  // What it did shows in its own answer.
  if (ask.askId === from.askId && !ask.mayComeAgain) return false;
  if (ask.serial > until.serial) return false;
  const answered = answerOf.get(ask.askId);
  if (answered === undefined || ask.mayComeAgain) return ask.at + latestMs >= from.since;
  return !isAfter(from, answered);
}
