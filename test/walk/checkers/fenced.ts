import { mintedAt } from "../../../src/core/ids.ts";
import type { Session, SessionRecord, Standing } from "../../../src/core/session.ts";
import { type Change, type Taken, usable } from "../judging/taken.ts";

/**
 * `generation` only grows and is never used twice, whatever the service has forgotten; an end that
 * holds a retired handshake is told to close it. `epoch` names a grant and is never used twice: within one (session, account,
 * reason) the later ends the earlier. Handshake ids only grow, and nothing but what is retired for
 * certain is called so.
 */
export function checkFenced(taken: Taken, changes: readonly Change[]): readonly string[] {
  return [
    ...changes.flatMap(counterFaults),
    ...usedTwice(taken, changes),
    ...servedLower(taken),
    ...revenants(taken.before, changes),
    ...standingFaults(taken),
  ];
}

function counterFaults({ before, event, after }: Change): string[] {
  if (before === undefined || after === undefined) return [];
  const faults: string[] = [];
  const lost = event.kind === "IncarnationChanged";
  const [was, is] = [usedGeneration(before), usedGeneration(after)];
  const promoted = event.kind === "HandshakePromoted" || event.kind === "GenerationRaised";
  const grows = promoted || lost || event.kind === "GenerationNamed";
  if (grows ? is <= was : is !== was) {
    faults.push(`${event.kind}: generations used up to ${was} and ${is}`);
  }
  if (promoted && event.generation !== is) faults.push("a promotion does not bear its generation");
  const adopted = event.kind === "HandshakePromoted" && event.reason === "adopted";
  if (adopted && !leavesRoom(event.promoted.id, event.at)) {
    faults.push(`${event.promoted.id}, which leaves no room for younger ones, was adopted`);
  }
  const granted = event.kind === "LeaseGranted";
  const [old, fresh] = [before.leases.epoch, after.leases.epoch];
  if (granted || lost ? fresh <= old : fresh !== old)
    faults.push(`${event.kind}: epoch ${old} to ${fresh}`);
  if (lost) faults.push(...repeatable(after, event.at));
  if (lost && is < was + 1_000) faults.push(`the next generation is ${is + 1} after ${was}`);
  if (granted && event.lease.epoch !== fresh) faults.push("a grant does not bear its epoch");
  if (event.kind === "HandshakeStarted" && before.kind === "attached") {
    const newest = before.transport.newestHandshakeId;
    const { id } = event.handshake;
    if (mintedAt(id) === undefined) faults.push(`${id} is no id of ours`);
    if (newest !== undefined && id <= newest) faults.push(`${id} is not younger than ${newest}`);
  }
  return faults;
}

/** Whatever the record has forgotten, no promotion or grant repeats what was served. */
function usedTwice({ served }: Taken, changes: readonly Change[]): string[] {
  let { generation, epoch } = served;
  return changes.flatMap(({ event }) => {
    switch (event.kind) {
      case "HandshakePromoted":
      case "GenerationRaised": {
        const before = generation;
        ({ generation } = event);
        return generation > before ? [] : [`generation ${generation} came after ${before}`];
      }
      case "LeaseGranted": {
        const before = epoch;
        ({ epoch } = event.lease);
        return epoch > before ? [] : [`epoch ${epoch} came after ${before}`];
      }
      default:
        return [];
    }
  });
}

/** Whoever reports the promoted handshake is served no generation below the one that it knows. */
function servedLower({ command, context, decision }: Taken): string[] {
  if (command.kind !== "Report" || decision.kind !== "accepted") return [];
  if (decision.session?.kind !== "attached") return [];
  const { path, generation } = decision.session.transport;
  const current = path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
  const isOurs = command.generation <= context.now + 86_400_000;
  if (current?.id !== command.handshakeId || !isOurs) return [];
  return generation >= command.generation
    ? []
    : [`${current.id} is served under ${generation}, and was under ${command.generation}`];
}

/** Restated: from at most a day ahead, so that there is room for younger ones. */
function leavesRoom(id: string, at: number): boolean {
  const minted = mintedAt(id);
  return minted === undefined || minted <= at + 86_400_000;
}

/** Up to where generations may have been used, in this incarnation or in one that was lost. */
function usedGeneration(record: SessionRecord): number {
  const { generation, generationFloor } = record.kind === "detached" ? record : record.transport;
  return Math.max(generation, generationFloor);
}

/** What began at service time is past all that a lost incarnation can have given out by then. */
function repeatable(record: SessionRecord, at: number): string[] {
  const { version, leases } = record;
  const least = Math.min(version, leases.version, leases.epoch, usedGeneration(record));
  return least < at ? ["a counter may repeat what a lost incarnation gave out"] : [];
}

/** Neither what was retired nor what lingers comes back; a promotion retires the rest just before. */
function revenants(atFirst: SessionRecord | undefined, changes: readonly Change[]): string[] {
  let settled = atFirst;
  return changes.flatMap(({ event, after }) => {
    if (event.kind !== "HandshakePromoted") {
      if (event.kind !== "HandshakeRetired") settled = after;
      return [];
    }
    const standing = settled?.kind === "attached" && standingIn(settled, event.promoted.id);
    settled = after;
    const gone = standing === "retired" || standing === "lingering";
    return gone ? [`a ${standing} handshake was promoted`] : [];
  });
}

function standingFaults({ command, decision }: Taken): string[] {
  if (command.kind !== "Report" && command.kind !== "CheckHandshake") return [];
  if (decision.kind !== "accepted" || decision.session?.kind !== "attached") return [];
  const { standing } = decision.answer as { readonly standing: Standing };
  const due = standingIn(decision.session, command.handshakeId);
  return standing === due ? [] : [`a ${due} handshake is called ${standing}`];
}

/** The rule of the standings, restated. */
function standingIn(session: Session, id: string): Standing {
  const { path, abandoned, lingering, youngestRetiredId } = session.transport;
  const current = path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
  const next = path.kind === "negotiating" || path.kind === "replacing" ? path.next : undefined;
  if (current?.id === id) return "promoted";
  if (next?.id === id) return "in_flight";
  if (abandoned.some((one) => one.id === id)) return "abandoned";
  if (lingering?.id === id) return "lingering";
  const minted = mintedAt(id);
  if (minted === undefined) return "unknown";
  const promoted = usable(session)?.id;
  if (promoted !== undefined && mintedAt(promoted) !== undefined && id < promoted) return "retired";
  const known = youngestRetiredId !== undefined && minted >= session.knownSince;
  return known && id <= youngestRetiredId ? "retired" : "unknown";
}
