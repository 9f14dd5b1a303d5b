import type { NamedBreach } from "../../simulation/judging/all-checkers.ts";
import type { Answer, Ask } from "../../simulation/seen/ask.ts";
import type { TransportSeen } from "../../simulation/seen/seen.ts";
import type { Sight } from "../../simulation/seen/sight.ts";

const linesMax = 60;

/** A run that broke something. */
export interface Failed {
  readonly seed: number;
  /** What was done to it, in words. */
  readonly faults: string;
  readonly sights: readonly Sight[];
  readonly bugs: readonly string[];
  /** The command that lives through it again. */
  readonly replay: string;
}

/** A failed run in words: what was broken, what led to it, and how to see it again. */
export function describeFailure(run: Failed, breaches: readonly NamedBreach[]): string {
  const others = breaches.length > 1 ? `, and ${breaches.length - 1} more` : "";
  const [first] = breaches;
  return [
    `seed ${run.seed} broke: ${describeBreach(run, first)}${first === undefined ? "" : others}`,
    ...(first === undefined ? [] : run.bugs),
    `faults: ${run.faults}`,
    ...historyBefore(run, first),
    `replay: ${run.replay}`,
  ].join("\n");
}

function describeBreach({ bugs }: Failed, breach: NamedBreach | undefined): string {
  if (breach === undefined) return bugs.join("\n");
  return `${breach.guarantee}: ${breach.text} (${breach.sessionId}, at ${breach.serial})`;
}

/** The last that was seen of the session, up to the breach. */
function historyBefore({ sights }: Failed, breach: NamedBreach | undefined): readonly string[] {
  const start = sights[0]?.at ?? 0;
  const relevant = sights.filter(
    (sight) =>
      sight.serial <= (breach?.serial ?? Number.POSITIVE_INFINITY) &&
      isAbout(sight, breach?.sessionId),
  );
  return relevant.slice(-linesMax).map((sight) => {
    const seconds = ((sight.at - start) / 1_000).toFixed(3).padStart(8);
    return `${seconds} ${String(sight.serial).padStart(6)} ${describe(sight)}`;
  });
}

function isAbout(sight: Sight, sessionId: string | undefined): boolean {
  switch (sight.kind) {
    case "asked":
    case "answered":
      // The answer implies the request.
      return sight.sessionId === sessionId && sight.kind === "answered";
    case "received":
      return !("sessionId" in sight.message) || sight.message.sessionId === sessionId;
    case "opened":
      return sight.sessionIds === undefined || sight.sessionIds.includes(sessionId ?? "");
    case "closed":
    case "trouble":
      return true;
  }
}

function describe(sight: Sight): string {
  switch (sight.kind) {
    case "asked":
      return `${sight.by} asks ${describeAsk(sight.ask)}`;
    case "answered":
      return `${sight.by} ${describeAsk(sight.ask)} → ${describeAnswer(sight.answer)}`;
    case "opened":
      return `${sight.by} watches, stream ${sight.stream}, knowing ${[...sight.known.values()]}`;
    case "closed":
      return `stream ${sight.stream} is over`;
    case "trouble":
      return `TROUBLE ${sight.what} for ${sight.until - sight.at} ms ${sight.detail ?? ""}`.trimEnd();
    case "received":
      return `${sight.by} is told, stream ${sight.stream}: ${describeMessage(sight)}`;
  }
}

function describeMessage({ message }: Extract<Sight, { kind: "received" }>): string {
  switch (message.kind) {
    case "state":
      return `${describeState(message.state)}, merged ${message.coalesced}`;
    case "gone":
      return `gone (${message.reason})`;
    case "bookmark":
    case "draining":
      return message.kind;
  }
}

function describeAsk(ask: Ask): string {
  switch (ask.kind) {
    case "Acquire":
      return `Acquire ${ask.account}/${ask.reason} ttl ${ask.ttlMs ?? "as ever"}`;
    case "Renew":
      return `Renew ${short(ask.token)} ttl ${ask.ttlMs ?? "as ever"}${ask.leaseOnly ? " lease only" : ""}`;
    case "Renegotiate":
      return `Renegotiate (${ask.reason}) having seen generation ${ask.observedGeneration ?? "none"}`;
    case "Release":
    case "CheckLease":
      return `${ask.kind} ${short(ask.token)}`;
    case "Report":
      return `reports ${short(ask.handshakeId)} on "${ask.transportId}" ${ask.connection} [${ask.readyChannels}] unacked ${ask.oldestUnackedMs} generation ${ask.generation} as ${ask.reporterId} #${ask.sequence}, ${ask.observedAgeMs} ms old`;
    case "CheckHandshake":
      return `CheckHandshake ${short(ask.handshakeId)}`;
    case "Attach":
      return `Attach for ${ask.managerUrl}${ask.hostReports ? ", host reports" : ""}`;
    case "Revoke":
      return `Revoke ${ask.leaseIds.length || "all"} hold ${ask.holdMs ?? "as ever"}`;
    case "Detach":
      return "Detach";
  }
}

function describeAnswer(answer: Answer): string {
  if (answer.kind === "refused") return JSON.stringify(answer.refusal);
  const { lease, negotiation, transport, verdict, standing, ended } = answer;
  return [
    lease && `${lease.id} epoch ${lease.epoch} ends in ${lease.remainingMs}`,
    negotiation && `${negotiation.outcome}${negotiation.joined ? " (joined)" : ""}`,
    verdict &&
      `${verdict.standing}, ${verdict.path} ${verdict.health} generation ${verdict.generation}`,
    standing,
    ended === undefined ? undefined : `ended ${ended}`,
    transport && describeState(transport),
  ]
    .filter((part) => part !== undefined)
    .join("; ");
}

function describeState(state: TransportSeen): string {
  const { negotiation, lingering } = state;
  return [
    `v${state.version} ${state.path} ${state.health ?? ""} generation ${state.generation}`,
    state.handshakeId && `current ${short(state.handshakeId)}`,
    negotiation && `next ${short(negotiation.handshakeId)} for ${negotiation.managerUrl}`,
    lingering && `lingering ${short(lingering.handshakeId)}`,
    `after ${state.change} (${state.changeReason})`,
    `${state.liveLeases} leases`,
  ]
    .filter((part) => part !== undefined)
    .join(", ");
}

/** The part of an id that differs from those around it. */
function short(id: string): string {
  return id.length > 12 ? `…${id.slice(-6)}` : id;
}
