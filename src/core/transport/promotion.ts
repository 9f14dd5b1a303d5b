import { apply, type Draft, sessionOf } from "../draft.ts";
import { nextFence } from "../fence.ts";
import type { HandshakeId } from "../ids.ts";
import type {
  AbandonedHandshake,
  Evidence,
  Handshake,
  PromotedHandshake,
  Session,
  Transport,
  UnrecognisedHandshake,
} from "../session.ts";
import type { EpochMs } from "../time.ts";
import { currentOf, nextOf, usableOf } from "../view.ts";
import { isReady, saysReady } from "./evidence.ts";
import { assess, hostHasSay } from "./health.ts";
import { standingOf } from "./standing.ts";

type PromotionReason = "confirmed" | "host_silent" | "adopted";

/** A handshake that may become the fast path, and the channels that it has to bring up. */
type Candidate = Pick<Handshake, "id" | "manager" | "host" | "channels">;

/**
 * Promotes what the evidence confirms. Over a usable fast path only the handshake in flight may
 * win, and only with every channel that the usable one has. With none usable the first channel
 * wins: the handshake in flight, an abandoned one, or one that a lost store may have known.
 */
export function considerPromotion(draft: Draft, at: EpochMs): void {
  const session = sessionOf(draft);
  const { transport } = session;
  const next = nextOf(transport.path);
  const usable = usableOf(transport.path);
  if (usable !== undefined) {
    if (next && isConfirmed(draft, next, at)) promote(draft, next, "confirmed", at);
    return;
  }
  const overdue = transport.abandoned.toReversed();
  const held: readonly (Handshake | AbandonedHandshake)[] = next ? [next, ...overdue] : overdue;
  const unrecognised = transport.unrecognised
    .filter((one) => standingOf(session, one.id) === "unknown")
    .map((one) => asCandidate(one, transport));
  const winner =
    first(held, "confirmed", (one) => isConfirmed(draft, one, at)) ??
    first(held, "host_silent", (one) => isOverdue(one, at) && isManagersAlone(draft, one, at)) ??
    first(unrecognised, "adopted", (one) => isAdoptable(draft, one, at));
  if (winner) promote(draft, winner.candidate, winner.reason, at);
}

function first<C extends Candidate>(
  candidates: readonly C[],
  reason: PromotionReason,
  wins: (candidate: C) => boolean,
): { readonly candidate: C; readonly reason: PromotionReason } | undefined {
  const candidate = candidates.find(wins);
  return candidate && { candidate, reason };
}

function isOverdue(candidate: Handshake | AbandonedHandshake, at: EpochMs): boolean {
  return !("confirmBy" in candidate) || candidate.confirmBy <= at;
}

/** Why a handshake was not confirmed by its deadline. */
export function abandonmentReason(
  draft: Draft,
  next: Handshake,
  at: EpochMs,
): "ends_disagree" | "confirm_timeout" {
  const ready = readiness(draft, at);
  const manager = ready(next.manager, next.channels);
  const host = ready(next.host, next.channels);
  if (manager === host) return "confirm_timeout";
  const otherSpoke = manager
    ? next.host !== undefined || contradicts(draft, next, at)
    : next.manager !== undefined;
  return otherSpoke ? "ends_disagree" : "confirm_timeout";
}

/** Both ends name the same handshake ready, as far as the host end has a say. */
function isConfirmed(draft: Draft, candidate: Candidate, at: EpochMs): boolean {
  const { transport } = sessionOf(draft);
  const usable = usableOf(transport.path);
  const ready = readiness(draft, at);
  return (
    ready(candidate.manager, withChannelsOf(candidate.channels, usable?.manager)) &&
    (!hostHasSay(transport, at, draft.context.policy) ||
      ready(candidate.host, withChannelsOf(candidate.channels, usable?.host))) &&
    staysUsable(draft, candidate, at)
  );
}

/** Past the deadline, with nothing usable, the manager's word is enough against silence. */
function isManagersAlone(draft: Draft, candidate: Candidate, at: EpochMs): boolean {
  return (
    readiness(draft, at)(candidate.manager, candidate.channels) &&
    !spokeAgainst(candidate.host, candidate.channels) &&
    !contradicts(draft, candidate, at) &&
    staysUsable(draft, candidate, at)
  );
}

/** A lost store may have promoted it. The ends still use it, so the service adopts it. */
function isAdoptable(draft: Draft, candidate: Candidate, at: EpochMs): boolean {
  return (
    readiness(draft, at)(candidate.manager, candidate.channels) && staysUsable(draft, candidate, at)
  );
}

/** The host's last report about it, however old, does not say that it is ready. */
function spokeAgainst(host: Evidence | undefined, channels: readonly string[]): boolean {
  return host !== undefined && (host.noConnection !== undefined || !saysReady(host, channels));
}

/** The host reports another handshake ready: the two ends would use different connections. */
function contradicts(draft: Draft, candidate: Candidate, at: EpochMs): boolean {
  const { transport } = sessionOf(draft);
  const ready = readiness(draft, at);
  const current = currentOf(transport.path);
  const next = nextOf(transport.path);
  const held: readonly (Candidate | undefined)[] = [current, next, ...transport.abandoned];
  return held.some(
    (other) => other && other.id !== candidate.id && ready(other.host, other.channels),
  );
}

type Readiness = (evidence: Evidence | undefined, channels: readonly string[]) => boolean;

function readiness(draft: Draft, at: EpochMs): Readiness {
  const { policy } = draft.context;
  return (evidence, channels) => isReady(evidence, channels, at, policy);
}

/** A replacement needs the required channels and every channel that the current one has ready. */
function withChannelsOf(
  channels: readonly string[],
  inUse: Evidence | undefined,
): readonly string[] {
  return inUse === undefined ? channels : [...channels, ...inUse.readyChannels];
}

function asCandidate(handshake: UnrecognisedHandshake, transport: Transport): Candidate {
  return { ...handshake, channels: transport.requiredChannels };
}

function staysUsable(draft: Draft, candidate: Candidate, at: EpochMs): boolean {
  const { transport } = sessionOf(draft);
  const promoted = asPromoted(candidate, at);
  return assess(transport, promoted, at, draft.context.policy).health !== "lost";
}

function asPromoted({ id, manager, host, channels }: Candidate, at: EpochMs): PromotedHandshake {
  return {
    id,
    manager,
    host,
    channels,
    promotedAt: at,
    gapMs: 0,
    health: "healthy",
    healthReason: "confirmed",
    usableSince: at,
    goodSince: undefined,
  };
}

/**
 * The generation that an end names counts even if the rest of its report comes too late: no served
 * generation is reused.
 */
export function heedGeneration(draft: Draft, named: number): void {
  const { generation, generationFloor } = sessionOf(draft).transport;
  if (named <= Math.max(generation, generationFloor)) return;
  apply(draft, { kind: "GenerationNamed", at: draft.context.now, generation: named });
}

/** Raises the generation of the promoted handshake to the one that its end names. */
export function raiseGeneration(draft: Draft, handshakeId: HandshakeId, named: number): void {
  const { path, generation: served } = sessionOf(draft).transport;
  if (currentOf(path)?.id !== handshakeId || named <= served) return;
  const generation = nextGeneration(draft);
  apply(draft, { kind: "GenerationRaised", at: draft.context.now, handshakeId, generation });
}

/** As of the decision: a generation that was due earlier was not shown earlier. */
function nextGeneration(draft: Draft): number {
  const { generation, generationFloor } = sessionOf(draft).transport;
  return nextFence(Math.max(generation, generationFloor), draft.context.now);
}

/** The rest are retired, the generation rises, and the one replaced lingers. */
function promote(draft: Draft, winner: Candidate, reason: PromotionReason, at: EpochMs): void {
  const { policy } = draft.context;
  for (const handshakeId of outrunBy(sessionOf(draft), winner.id)) {
    apply(draft, { kind: "HandshakeRetired", at, handshakeId, reason: "outrun" });
  }
  const { transport } = sessionOf(draft);
  const promoted = asPromoted(winner, at);
  const verdict = assess(transport, promoted, at, policy);
  const healthReason = verdict.health === "healthy" ? reason : verdict.reason;
  apply(draft, {
    kind: "HandshakePromoted",
    at,
    promoted: { ...promoted, health: verdict.health, healthReason },
    generation: nextGeneration(draft),
    reason,
    lingerUntil: at + policy.retireLingerMs,
  });
}

function outrunBy(session: Session, winner: HandshakeId): readonly HandshakeId[] {
  const { path, abandoned, lingering } = session.transport;
  return [nextOf(path)?.id, ...abandoned.map((handshake) => handshake.id), lingering?.id].filter(
    (id) => id !== undefined && id !== winner,
  ) as readonly HandshakeId[];
}
