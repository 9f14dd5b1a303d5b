import type { NegotiationAnswer, Renegotiate } from "../command.ts";
import type { Decision } from "../decision.ts";
import { accept, apply, type Draft, refuse, sessionOf } from "../draft.ts";
import { type LeaseId, mintHandshakeId } from "../ids.ts";
import { liveLease, notLive } from "../lease/lease-lookup.ts";
import type { Handshake, NegotiationReason, Session, Transport } from "../session.ts";
import type { EpochMs } from "../time.ts";
import { nextNegotiationAt, nextOf, usableOf } from "../view.ts";
import { firstDelivery, tryDelivery } from "./decide-delivery.ts";

/** The answer of a call that neither starts nor waits for a negotiation. */
export const leftAlone: NegotiationAnswer = { outcome: "refresh", retryAt: undefined };

/** A usable fast path is left alone; without one, a handshake is joined or started. */
export function refreshOrNegotiate(
  draft: Draft,
  reason: NegotiationReason,
  askedBy: LeaseId,
): NegotiationAnswer {
  const { now, policy } = draft.context;
  const standing = withoutStart(sessionOf(draft).transport, now);
  if (standing !== undefined) return standing;
  if (isManagerBusy(draft)) return { outcome: "refresh", retryAt: now + policy.backoffMsBase };
  return { outcome: "renegotiate", offer: startHandshake(draft, reason, askedBy), joined: false };
}

/** The answer where no handshake is to be started; undefined where one is, if there is room. */
export function withoutStart(transport: Transport, now: EpochMs): NegotiationAnswer | undefined {
  if (usableOf(transport.path) !== undefined) return leftAlone;
  const inFlight = nextOf(transport.path);
  if (inFlight !== undefined) return { outcome: "renegotiate", offer: inFlight, joined: true };
  const retryAt = nextNegotiationAt(transport, now);
  return retryAt === undefined ? undefined : { outcome: "refresh", retryAt };
}

/** Starts a replacement, or joins the one in flight; the current one stays until it is confirmed. */
export function decideRenegotiate(draft: Draft, command: Renegotiate): Decision<Renegotiate> {
  const { tokenHash, observedGeneration } = command;
  if (draft.record?.kind !== "attached") return refuse(draft, { reason: "SESSION_UNKNOWN" });
  const lease = tokenHash === undefined ? undefined : liveLease(draft.record, tokenHash);
  if (tokenHash !== undefined && lease === undefined) {
    return refuse(draft, notLive(draft.record, tokenHash));
  }
  const { transport } = draft.record;
  if (observedGeneration !== undefined && observedGeneration < transport.generation) {
    return accept(draft, leftAlone);
  }
  const inFlight = nextOf(transport.path);
  if (inFlight !== undefined) {
    return accept(draft, { outcome: "renegotiate", offer: inFlight, joined: true });
  }
  return command.reason === "operator"
    ? startUnlessBusy(draft, command, lease?.id)
    : replaceWithCare(draft, draft.record, command, lease?.id);
}

/** What keeps repeated or hasty calls from replacing a usable fast path again and again. */
function replaceWithCare(
  draft: Draft,
  session: Session,
  command: Renegotiate,
  askedBy: LeaseId | undefined,
): Decision<Renegotiate> {
  const { now, policy } = draft.context;
  const usable = usableOf(session.transport.path);
  if (usable !== undefined && command.observedGeneration === undefined) {
    const description =
      "must name the generation that was seen to fail, since the fast path is usable";
    const violations = [{ field: "observed_generation", description }];
    return refuse(draft, { reason: "FIELD_INVALID", violations });
  }
  const replaceableAt = (usable?.promotedAt ?? 0) + policy.replaceAfterMs;
  if (usable !== undefined && now < replaceableAt) {
    const retryAfterMs = replaceableAt - now;
    return refuse(draft, { reason: "TOO_MANY", what: "replacements", retryAfterMs });
  }
  const retryAt = nextNegotiationAt(session.transport, now);
  if (retryAt !== undefined) return accept(draft, { outcome: "refresh", retryAt });
  return startUnlessBusy(draft, command, askedBy);
}

function startUnlessBusy(
  draft: Draft,
  command: Renegotiate,
  askedBy: LeaseId | undefined,
): Decision<Renegotiate> {
  if (isManagerBusy(draft)) {
    const retryAfterMs = draft.context.policy.backoffMsBase;
    return refuse(draft, { reason: "TOO_MANY", what: "negotiations", retryAfterMs });
  }
  const offer = startHandshake(draft, command.reason, askedBy);
  return accept(draft, { outcome: "renegotiate", offer, joined: false });
}

function isManagerBusy({ context, record }: Draft): boolean {
  const managerUrl = record?.kind === "attached" ? record.transport.managerUrl : "";
  return context.negotiationsInFlight(managerUrl) >= context.policy.negotiationsPerManagerMax;
}

function startHandshake(
  draft: Draft,
  reason: NegotiationReason,
  askedBy: LeaseId | undefined,
): Handshake {
  const { now, policy, entropy } = draft.context;
  const { transport } = sessionOf(draft);
  const handshake: Handshake = {
    id: mintHandshakeId(now, entropy.handshakeBits(), transport.newestHandshakeId),
    attempt: transport.attempts + 1,
    reason,
    issuedAt: now,
    confirmBy: now + policy.negotiationTimeoutMs,
    channels: transport.requiredChannels,
    managerUrl: transport.managerUrl,
    delivery: firstDelivery(draft.context, askedBy),
    manager: undefined,
    host: undefined,
  };
  apply(draft, { kind: "HandshakeStarted", at: now, handshake });
  tryDelivery(draft, now);
  return handshake;
}
