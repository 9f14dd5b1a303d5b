import { afterGap, type Stretch } from "../deadlines/gap.ts";
import type { ReceivedEvidence, TransportEvent } from "../event.ts";
import { type HandshakeId, younger } from "../ids.ts";
import type {
  AbandonedHandshake,
  Backoff,
  End,
  Evidence,
  FastPath,
  PromotedHandshake,
  Reporter,
  Tombstone,
  Transport,
  UnrecognisedHandshake,
  Witnessed,
} from "../session.ts";
import { type DurationMs, type EpochMs, latest } from "../time.ts";
import { currentOf, nextNegotiationAt, nextOf } from "../view.ts";
import { throughGap } from "./evidence.ts";
import { delayDelivery, evolveDelivery } from "./evolve-delivery.ts";

export const unrecognisedMax = 2;
export const reportersOfEndMax = 4;

interface Attachment {
  readonly at: EpochMs;
  readonly managerUrl: string;
  readonly requiredChannels: readonly string[];
  readonly hostReports: boolean;
}

/** No fast path yet. Handshakes that the tombstone kept are retired. */
export function initialTransport(attachment: Attachment, before: Tombstone | undefined): Transport {
  const { managerUrl, requiredChannels, hostReports } = attachment;
  return {
    managerUrl,
    requiredChannels,
    hostReports,
    generation: before?.generation ?? 0,
    generationFloor: before?.generationFloor ?? 0,
    path: { kind: "absent" },
    attempts: 0,
    settled: false,
    abandoned: [],
    lingering: undefined,
    unrecognised: [],
    newestHandshakeId: before?.newestHandshakeId,
    youngestRetiredId: before?.newestHandshakeId,
    reporters: [],
    hostReportedAt: undefined,
    recoveries: { failures: 0, notBefore: 0 },
    replacements: { failures: 0, notBefore: 0 },
    earlyDeaths: 0,
  };
}

/** The transport after an event. */
export function evolveTransport(transport: Transport, event: TransportEvent): Transport {
  switch (event.kind) {
    case "HandshakeStarted":
      return {
        ...transport,
        path: withNext(transport.path, event.handshake),
        attempts: event.handshake.attempt,
        newestHandshakeId: younger(transport.newestHandshakeId, event.handshake.id),
      };
    case "DeliveryDue":
    case "HandshakeDelivered":
      return { ...transport, path: evolveDelivery(transport.path, event) };
    case "HandshakePromoted":
      return promote(transport, event);
    case "GenerationNamed":
      return { ...transport, generationFloor: event.generation };
    case "GenerationRaised":
      return { ...transport, generation: event.generation };
    case "HandshakeAbandoned":
      return abandon(transport, event.handshakeId, event.honouredUntil);
    case "HandshakeRetired":
      return retire(transport, event.handshakeId);
    case "NegotiationDelayed":
      return { ...transport, [event.which]: event.backoff };
    case "BackoffReset":
      return {
        ...transport,
        [event.which]: { failures: 0, notBefore: 0 },
        earlyDeaths: event.which === "recoveries" ? 0 : transport.earlyDeaths,
      };
    case "DiedEarly":
      return { ...transport, earlyDeaths: transport.earlyDeaths + 1 };
    case "ReportReceived":
      return receiveReport(transport, event);
    case "ReportPlaced":
      return { ...transport, reporters: noteReporter(transport.reporters, event.reporter) };
    case "HealthChanged":
      return { ...transport, path: withVerdict(transport.path, event) };
  }
}

/**
 * Moves every deadline by the length of a gap, and says whether a shown one moved. Deadlines that
 * had passed when it began have been applied or stay passed. Evidence keeps its age.
 */
export function shiftTransport(
  transport: Transport,
  gap: Stretch,
): { readonly transport: Transport; readonly shown: boolean } {
  const length = gap.until - gap.from;
  const later = <T extends { readonly honouredUntil: EpochMs }>(handshake: T): T => ({
    ...handshake,
    honouredUntil: handshake.honouredUntil + length,
  });
  const { path, abandoned, lingering, unrecognised, recoveries, replacements } = transport;
  const shown =
    length > 0 &&
    (nextOf(path) !== undefined ||
      lingering !== undefined ||
      nextNegotiationAt(transport, gap.from) !== undefined);
  return {
    shown,
    transport: {
      ...transport,
      path: shiftPath(path, gap),
      abandoned: abandoned.map((handshake) => witnessThrough(later(handshake), gap)),
      lingering: lingering && later(lingering),
      unrecognised: unrecognised.map((one) => witnessThrough(one, gap)),
      hostReportedAt: transport.hostReportedAt && afterGap(transport.hostReportedAt, gap),
      recoveries: delayed(recoveries, length),
      replacements: delayed(replacements, length),
    },
  };
}

/** Moves the end of a back-off by the gap's length. */
function delayed(backoff: Backoff, length: DurationMs): Backoff {
  return backoff.failures === 0 ? backoff : { ...backoff, notBefore: backoff.notBefore + length };
}

/** The deadline of a negotiation moves, and a gap proves nothing. */
function shiftPath(path: FastPath, gap: Stretch): FastPath {
  const current = currentOf(path);
  const next = nextOf(path);
  const kept: FastPath =
    current === undefined
      ? { kind: "absent" }
      : { kind: "active", current: promotedThrough(current, gap) };
  if (next === undefined) return kept;
  const length = gap.until - gap.from;
  const confirmBy = next.confirmBy + length;
  const delivery = delayDelivery(next.delivery, length);
  return withNext(kept, { ...witnessThrough(next, gap), confirmBy, delivery });
}

/** Everything counted from a moment keeps its length. */
function promotedThrough(current: PromotedHandshake, gap: Stretch): PromotedHandshake {
  const { promotedAt, gapMs, usableSince, goodSince } = current;
  return {
    ...witnessThrough(current, gap),
    gapMs: afterGap(promotedAt + gapMs, gap) - promotedAt,
    usableSince: usableSince + gap.until - gap.from,
    goodSince: goodSince && afterGap(goodSince, gap),
  };
}

function witnessThrough<W extends Witnessed>(handshake: W, gap: Stretch): W {
  const { manager, host } = handshake;
  return {
    ...handshake,
    manager: manager && throughGap(manager, gap),
    host: host && throughGap(host, gap),
  };
}

function withNext(path: FastPath, next: NonNullable<ReturnType<typeof nextOf>>): FastPath {
  switch (path.kind) {
    case "absent":
      return { kind: "negotiating", next };
    case "active":
      return { kind: "replacing", current: path.current, next };
    case "negotiating":
    case "replacing":
      throw new Error("a second handshake was started");
  }
}

function withoutNext(path: FastPath): FastPath {
  const current = currentOf(path);
  return current === undefined ? { kind: "absent" } : { kind: "active", current };
}

function promote(
  transport: Transport,
  event: Extract<TransportEvent, { kind: "HandshakePromoted" }>,
): Transport {
  const { promoted, generation, lingerUntil } = event;
  const before = currentOf(transport.path);
  return {
    ...transport,
    generation,
    path: { kind: "active", current: promoted },
    attempts: 0,
    settled: true,
    abandoned: transport.abandoned.filter((handshake) => handshake.id !== promoted.id),
    lingering: before && { id: before.id, honouredUntil: lingerUntil },
    unrecognised: transport.unrecognised.filter((one) => one.id !== promoted.id),
    newestHandshakeId: younger(transport.newestHandshakeId, promoted.id),
  };
}

function abandon(transport: Transport, id: HandshakeId, honouredUntil: EpochMs): Transport {
  const next = nextOf(transport.path);
  if (next?.id !== id) throw new Error("a handshake was abandoned that is not in flight");
  const { manager, host, channels } = next;
  const abandoned: AbandonedHandshake = { id, manager, host, channels, honouredUntil };
  return {
    ...transport,
    path: withoutNext(transport.path),
    settled: true,
    abandoned: [...transport.abandoned, abandoned],
  };
}

function retire(transport: Transport, id: HandshakeId): Transport {
  return {
    ...transport,
    path: nextOf(transport.path)?.id === id ? withoutNext(transport.path) : transport.path,
    abandoned: transport.abandoned.filter((handshake) => handshake.id !== id),
    lingering: transport.lingering?.id === id ? undefined : transport.lingering,
    youngestRetiredId: younger(transport.youngestRetiredId, id),
  };
}

function receiveReport(
  transport: Transport,
  event: Extract<TransportEvent, { kind: "ReportReceived" }>,
): Transport {
  const { end, reporter, agesFrom, received } = event;
  const known = received === undefined ? transport : withEvidence(transport, end, received);
  return {
    ...known,
    hostReportedAt: end === "host" ? latest(known.hostReportedAt, agesFrom) : known.hostReportedAt,
    reporters: reporter === undefined ? known.reporters : noteReporter(known.reporters, reporter),
  };
}

/** The evidence goes to the handshake that the session holds, or to an unrecognised one. */
function withEvidence(transport: Transport, end: End, received: ReceivedEvidence): Transport {
  const id = received.handshakeId;
  const current = currentOf(transport.path);
  const next = nextOf(transport.path);
  if (current?.id === id) {
    const promoted: PromotedHandshake = {
      ...witness(current, end, received.evidence),
      goodSince: received.goodSince,
    };
    const path: FastPath =
      next === undefined
        ? { kind: "active", current: promoted }
        : { kind: "replacing", current: promoted, next };
    return { ...transport, path };
  }
  if (next?.id === id) {
    const path = withNext(withoutNext(transport.path), witness(next, end, received.evidence));
    return { ...transport, path };
  }
  if (transport.abandoned.some((handshake) => handshake.id === id)) {
    const abandoned = transport.abandoned.map((handshake) =>
      handshake.id === id ? witness(handshake, end, received.evidence) : handshake,
    );
    return { ...transport, abandoned };
  }
  const handshake: UnrecognisedHandshake = transport.unrecognised.find(
    (known) => known.id === id,
  ) ?? {
    id,
    manager: undefined,
    host: undefined,
  };
  const others = transport.unrecognised.filter((known) => known.id !== id);
  const unrecognised = [...others, witness(handshake, end, received.evidence)].slice(
    -unrecognisedMax,
  );
  return { ...transport, unrecognised };
}

function witness<W extends Witnessed>(handshake: W, end: End, evidence: Evidence): W {
  return end === "manager" ? { ...handshake, manager: evidence } : { ...handshake, host: evidence };
}

/**
 * Each reporter keeps its place. A new one replaces the oldest of its own end, so that restarts of
 * one end never make the service forget the reporters of the other, whose late reports would then
 * count.
 */
export function noteReporter(
  reporters: readonly Reporter[],
  newest: Reporter,
): readonly Reporter[] {
  const isSame = (known: Reporter): boolean => known.end === newest.end && known.id === newest.id;
  if (reporters.some(isSame)) return reporters.map((known) => (isSame(known) ? newest : known));
  const ofEnd = reporters.filter((known) => known.end === newest.end);
  const oldest = ofEnd.length < reportersOfEndMax ? undefined : ofEnd[0];
  return [...reporters.filter((known) => known !== oldest), newest];
}

function withVerdict(
  path: FastPath,
  event: Extract<TransportEvent, { kind: "HealthChanged" }>,
): FastPath {
  if (path.kind !== "active" && path.kind !== "replacing") {
    throw new Error("the health of no transport changed");
  }
  const current: PromotedHandshake = {
    ...path.current,
    health: event.to,
    healthReason: event.reason,
    usableSince: event.from === "lost" ? event.at : path.current.usableSince,
    goodSince: undefined,
  };
  return { ...path, current };
}
