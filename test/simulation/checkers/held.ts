import type { DurationMs } from "../../../src/core/time.ts";
import type { Asked } from "../sight.ts";
import type { Breach, Checker } from "./checker.ts";
import {
  type LeaseLife,
  type LeaseMoment,
  type LiveMoment,
  leaseLives,
  type OverMoment,
} from "./lease-lives.ts";
import { isTroubled, onItsWayMs, type Witness } from "./witness.ts";

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
  let shown: LiveMoment | undefined;
  let isOver = false;
  for (const moment of life.moments) {
    if (moment.kind === "over") {
      if (!isOver) say(moment, whyTooEarly(witness, life, { shown, moment }));
      isOver = true;
      continue;
    }
    if (isOver) say(moment, "was shown live after it had ended");
    if (moment.endsAt <= moment.answer.at - onItsWayMs) say(moment, "was shown live after its end");
    if (shown !== undefined) say(moment, whyMoved(witness, life, { shown, moment }));
    shown = moment;
  }
  return breaches;
}

/** Why the lease should not have been over; undefined if it may be. */
function whyTooEarly(
  { asks }: Witness,
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
      if (earlyMs <= 0 || (endedBy !== "expired" && wasAsked("Detach"))) return undefined;
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
  const laterMs = moment.endsAt - shown.endsAt;
  if (laterMs < 0) return `was shortened by ${-laterMs} ms`;
  if (laterMs === 0 || isTroubled(witness, shown.answer.at, moment.answer.at)) return undefined;
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
  if (ask.serial > until.serial) return false;
  const answered = answerOf.get(ask.askId);
  if (answered === undefined || ask.mayComeAgain) return ask.at + latestMs >= from.at;
  return answered.serial > from.serial;
}
