import type { Report } from "../../../src/core/command.ts";
import type { Breach, Checker } from "../judging/checker.ts";
import { decidedSince, groupBy, isAfter, type Witness } from "../judging/witness.ts";
import type { Answered } from "../seen/sight.ts";

/**
 * A fast path that is really dead is replaced: the next renewal after hard evidence (that is not
 * lease_only) starts a handshake, unless a recovery that failed just before is still backing off
 * or its manager has 50 in flight.
 */
export const genuine: Checker = (witness) => [
  ...witness.answers.flatMap((answered) => leftWithout(witness, answered)),
  ...usableAfterItsDeath(witness),
  ...withoutFastPathAtTheEnd(witness),
];

/** Without a usable fast path a renewal is answered with a handshake, or with a time to wait. */
function leftWithout(witness: Witness, answered: Answered): Breach[] {
  const { ask, answer, sessionId, serial } = answered;
  if (answer.kind === "refused" || (ask.kind !== "Renew" && ask.kind !== "Acquire")) return [];
  if (ask.kind === "Renew" && ask.leaseOnly) return [];
  const { negotiation, transport } = answer;
  if (negotiation === undefined || transport === undefined) return [];
  if (transport.path === "fast_path" || negotiation.outcome === "renegotiate") return [];
  const { retryAt } = negotiation;
  if (retryAt !== undefined && retryAt > decidedSince(witness, answered)) return [];
  return [{ sessionId, serial, text: `${ask.kind} left the session without a fast path` }];
}

interface Word {
  readonly answered: Answered;
  readonly report: Report;
}

/** Once an end has said that its connection is over, that generation is never usable again. */
function usableAfterItsDeath(witness: Witness): Breach[] {
  const { answers, states } = witness;
  const words = answers.flatMap((answered): readonly Word[] => {
    const { ask, answer } = answered;
    const isReceived = ask.kind === "Report" && answer.kind === "done";
    return isReceived ? [{ answered, report: ask }] : [];
  });
  const byEnd = groupBy(words, ({ answered: { era, sessionId }, report: { end, handshakeId } }) =>
    [era, sessionId, end, handshakeId].join(" "),
  );
  return byEnd.flatMap((said) => {
    const death = deathAmong(witness, said);
    if (death === undefined) return [];
    const { sessionId, era } = death.answered;
    const { handshakeId } = death.report;
    const generation = generationOf(death.answered);
    return states
      .filter((sighting) => sighting.era === era && sighting.sessionId === sessionId)
      .filter((sighting) => sighting.state.path === "fast_path")
      .filter((sighting) => isAfter(sighting, death.answered))
      .filter(({ state }) => state.handshakeId === handshakeId && state.generation === generation)
      .map((sighting) => ({
        sessionId,
        serial: sighting.serial,
        text: `${handshakeId} is usable, although the ${death.report.end} end said that it is over`,
      }));
  });
}

/** The first word that ends a connection beyond doubt: of the one connection ever ready there. */
function deathAmong(witness: Witness, said: readonly Word[]): Word | undefined {
  const first = said.find(({ report }) => isReady(report));
  if (first === undefined) return undefined;
  const { transportId, reporterId } = first.report;
  const isPlain = said.every(
    ({ report }) => report.transportId === transportId && report.reporterId === reporterId,
  );
  if (!isPlain) return undefined;
  return said.find(
    ({ report, answered }) =>
      (report.connection === "closed" || report.connection === "failed") &&
      report.observedAgeMs === 0 &&
      !isOvertaken(witness, { report, answered }) &&
      answered.serial > first.answered.serial &&
      standingOf(answered) === "promoted",
  );
}

/** A later word of the same reporter may have come first: then this one was not heard. */
function isOvertaken({ asks }: Witness, { report, answered }: Word): boolean {
  return asks.some(
    ({ ask, askId, serial, sessionId }) =>
      ask.kind === "Report" &&
      askId !== answered.askId &&
      sessionId === answered.sessionId &&
      ask.reporterId === report.reporterId &&
      ask.sequence >= report.sequence &&
      serial < answered.serial,
  );
}

function isReady({ connection, readyChannels }: Report): boolean {
  return connection === "connected" && readyChannels.includes("mgr-actions");
}

function standingOf({ answer }: Answered): string | undefined {
  return answer.kind === "done" ? answer.verdict?.standing : undefined;
}

function generationOf({ answer }: Answered): number | undefined {
  return answer.kind === "done" ? answer.verdict?.generation : undefined;
}

/** When nothing has gone wrong for long, every session is on a fast path that is really up. */
function withoutFastPathAtTheEnd({ sessionIds, states, up }: Witness): Breach[] {
  return sessionIds.flatMap((sessionId) => {
    const last = states.findLast((sighting) => sighting.sessionId === sessionId);
    const { path, handshakeId = "" } = last?.state ?? {};
    if (path === "fast_path" && up.includes(handshakeId)) return [];
    const said = path === "fast_path" ? `${handshakeId}, which is not up` : (path ?? "nothing");
    return [{ sessionId, serial: last?.serial ?? 0, text: `the session ends on ${said}` }];
  });
}
