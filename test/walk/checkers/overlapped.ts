import type { SessionEvent } from "../../../src/core/event.ts";
import type { Policy } from "../../../src/core/policy.ts";
import type {
  AbandonedHandshake,
  Evidence,
  Handshake,
  PromotedHandshake,
  Session,
  SessionRecord,
} from "../../../src/core/session.ts";
import { hostHasSay, isReady, type Moment, saysReady } from "../judging/evidence-rules.ts";
import { type Change, type Taken, usable } from "../judging/taken.ts";

type Promotion = Extract<SessionEvent, { kind: "HandshakePromoted" }>;

/**
 * While a replacement is negotiated, the current handshake and transport stay valid; they are
 * retired only after the replacement is confirmed, and it is never confirmed with fewer ready
 * channels than a usable current has by the last report received from each end. If it fails, the
 * current stays.
 */
export function checkOverlapped(
  { before: atFirst, context }: Taken,
  changes: readonly Change[],
): readonly string[] {
  // A promotion retires the others just before: what they said counts as it was before that.
  let settled = atFirst;
  return changes.flatMap((change) => {
    const faults = pathFaults(change, settled, context.policy);
    const { event, after } = change;
    if (event.kind !== "HandshakeRetired" || event.reason !== "outrun") settled = after;
    return faults;
  });
}

function pathFaults(
  { before, event, after }: Change,
  settled: SessionRecord | undefined,
  policy: Policy,
): string[] {
  if (before?.kind !== "attached" || after?.kind !== "attached") return [];
  if (before.transport.path === after.transport.path) return [];
  if (event.kind !== "HandshakePromoted") return keptFaults(before, event, after);
  if (settled?.kind !== "attached") return ["a promotion came out of nothing"];
  const moment = { at: event.at, transport: before.transport, policy };
  return [...replacedFaults(settled, event, after), ...confirmationFaults(settled, event, moment)];
}

function keptFaults(before: Session, event: SessionEvent, after: Session): string[] {
  const current = usable(before);
  if (current === undefined) return [];
  const { path } = after.transport;
  const kept = (path.kind === "active" || path.kind === "replacing") && path.current.id;
  return kept === current.id ? [] : [`${event.kind} took a usable fast path away`];
}

function replacedFaults(before: Session, { promoted }: Promotion, after: Session): string[] {
  const { path } = before.transport;
  const current = path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
  if (current === undefined) return [];
  const faults: string[] = [];
  if (after.transport.lingering?.id !== current.id) faults.push("the replaced one does not linger");
  if (current.health === "lost") return faults;
  if (path.kind !== "replacing" || path.next.id !== promoted.id) {
    faults.push("one that is not in flight replaced a usable one");
  }
  for (const end of ["manager", "host"] as const) {
    if (fewer(promoted[end], current[end])) faults.push(`fewer channels at the ${end} end`);
  }
  return faults;
}

function fewer(fresh: Evidence | undefined, old: Evidence | undefined): boolean {
  if (fresh === undefined || old === undefined) return false;
  return old.readyChannels.some((channel) => !fresh.readyChannels.includes(channel));
}

function confirmationFaults(before: Session, event: Promotion, moment: Moment): string[] {
  const { promoted } = event;
  const faults: string[] = [];
  if (!isReady(promoted.manager, promoted.channels, moment)) {
    faults.push("promoted without the manager's word");
  }
  switch (event.reason) {
    case "confirmed":
      if (hostHasSay(moment) && !isReady(promoted.host, promoted.channels, moment)) {
        faults.push("confirmed without the host's word");
      }
      return faults;
    case "host_silent":
      return [...faults, ...aloneFaults(before, promoted, moment)];
    case "adopted": {
      const known = before.transport.unrecognised.some((one) => one.id === promoted.id);
      return known ? faults : [...faults, "adopted what the session holds"];
    }
  }
}

/** The manager's word alone counts late, over nothing usable, and against silence only. */
function aloneFaults(before: Session, promoted: PromotedHandshake, moment: Moment): string[] {
  const faults: string[] = [];
  const { path, abandoned } = before.transport;
  const next = path.kind === "negotiating" || path.kind === "replacing" ? path.next : undefined;
  if (usable(before)) faults.push("the manager alone replaced a usable fast path");
  if (next?.id === promoted.id && moment.at < next.confirmBy) {
    faults.push("the manager's word alone was taken before its time");
  }
  const { host, channels } = promoted;
  const against = host && (host.noConnection !== undefined || !saysReady(host, channels));
  if (against) faults.push("promoted although the host spoke against it");
  const others: readonly (Handshake | AbandonedHandshake)[] = next
    ? [next, ...abandoned]
    : abandoned;
  const elsewhere = others.some(
    (other) => other.id !== promoted.id && isReady(other.host, other.channels, moment),
  );
  if (elsewhere) faults.push("promoted although the host reports another one ready");
  return faults;
}
