import { backoffMs } from "../calls/backoff.ts";
import type { CallFailure, EndedBy } from "../calls/call-failure.ts";
import { after } from "../calls/clock.ts";
import { answerPath } from "./path-watch.ts";
import {
  emitting,
  followUp,
  type Grant,
  leaseInUse,
  quiet,
  type TileAction,
  type TileContext,
  type TileMemory,
  type TileStep,
} from "./tile-memory.ts";
import type { HeldLease, TileLeaseState } from "./tile-state.ts";

/** Refusals that no repetition changes: a person has to. */
const lastingRefusals: readonly string[] = [
  "ACCOUNT_MISSING",
  "FIELD_INVALID",
  "PASSCODE_WRONG",
  "REVOKED",
];

/** However soon the service wants a renewal, there is a pause before it. */
const renewAfterMsMin = 1_000;

/** The call under way was answered. */
export function takeGrant(before: TileMemory, grant: Grant, context: TileContext): TileStep {
  const { call, state } = before;
  if (call === undefined) return quiet(before);
  const { now, policy, random } = context;
  const { controllerToken } = grant;
  if (state.kind === "released") {
    return {
      memory: { ...before, call: undefined },
      actions: [{ kind: "release", controllerToken }],
    };
  }
  const lease: HeldLease = {
    leaseId: grant.leaseId,
    controllerToken,
    epoch: grant.epoch,
    expiresAt: after(call.sentAt, grant.expiresInMs),
  };
  const isForHidden = call.ttlMs === policy.hiddenTtlMs;
  const renewAfterMs = Math.max(grant.renewAfterMs, renewAfterMsMin);
  const relay = relayOf(before, grant, lease);
  const memory: TileMemory = {
    ...before,
    state: { kind: "held", lease },
    lease,
    call: undefined,
    dueAt: before.isHidden && !isForHidden ? now : after(call.sentAt, renewAfterMs),
    failures: 0,
    path: answerPath(before.path, grant.path, { now, spreadMs: random() * policy.spreadMs }),
    relayed: relay.length > 0 ? (grant.offer?.handshakeId ?? "") : before.relayed,
  };
  const { outcome, joined } = grant;
  const kind = leaseInUse(state) === undefined ? "acquired" : "renewed";
  const emitted: TileAction = { kind: "emit", event: { kind, lease, outcome, joined } };
  return { memory, actions: [emitted, ...relay] };
}

/** Each handshake once: renewals that join it show it again. */
function relayOf(before: TileMemory, { offer }: Grant, lease: HeldLease): readonly TileAction[] {
  if (offer === undefined || offer.deliveredByServer) return [];
  return offer.handshakeId === before.relayed ? [] : [{ kind: "relay", relay: { offer, lease } }];
}

/** The call under way failed, or took too long. */
export function takeFailure(
  before: TileMemory,
  failure: CallFailure,
  context: TileContext,
): TileStep {
  const { call, state } = before;
  if (call === undefined) return quiet(before);
  const memory = { ...before, call: undefined };
  if (state.kind === "released") return quiet(memory);
  const { reason } = failure;
  if (call.controllerToken !== undefined) {
    if (reason === "LEASE_NOT_LIVE") return hasEnded(memory, failure.endedBy ?? "unknown", context);
    if (reason === "SESSION_UNKNOWN") return hasEnded(memory, "unknown", context);
    return tryAgain(memory, failure, context);
  }
  if (!lastingRefusals.includes(reason)) return tryAgain(memory, failure, context);
  if (reason === "REVOKED" && state.kind === "lost") return hasEnded(memory, "revoked", context);
  const refused: TileLeaseState = { kind: "refused", refusal: failure };
  return emitting({ ...memory, state: refused, dueAt: undefined }, refused);
}

/** The service has said it. */
function hasEnded(memory: TileMemory, endedBy: EndedBy, { now }: TileContext): TileStep {
  return lose({ ...memory, lease: undefined, failures: 0, dueAt: now }, endedBy);
}

/**
 * The lease has ended for certain. It is acquired again where that takes it from nobody: not after
 * somebody revoked or released it, and not before a detached session is attached again.
 */
export function lose(memory: TileMemory, endedBy: EndedBy): TileStep {
  const isReacquiring = endedBy === "expired" || endedBy === "unknown";
  const { state, dueAt } = memory;
  const lost: TileMemory = {
    ...memory,
    state: { kind: "lost", endedBy, isReacquiring },
    dueAt: isReacquiring ? dueAt : undefined,
  };
  // That it ran out was reported already, when the clock said so.
  const isKnown = state.kind === "lost" && state.isReacquiring === isReacquiring;
  return isKnown ? quiet(lost) : emitting(lost, { kind: "lost", endedBy, isReacquiring });
}

function tryAgain(memory: TileMemory, failure: CallFailure, context: TileContext): TileStep {
  const { now, policy, random } = context;
  const ownMs = backoffMs(memory.failures, { ...policy.backoff, random });
  const askedMs = (failure.retryAfterMs ?? 0) * (1 + policy.backoff.spread * random());
  const retryInMs = Math.max(ownMs, askedMs);
  const state = troubled(memory.state, failure);
  const tried = {
    ...memory,
    state,
    failures: memory.failures + 1,
    dueAt: after(now, retryInMs),
  };
  return emitting(tried, { kind: "failed", failure, retryInMs });
}

function troubled(state: TileLeaseState, trouble: CallFailure): TileLeaseState {
  switch (state.kind) {
    case "acquiring":
    case "lost":
      return { ...state, trouble };
    case "held":
    case "uncertain":
      return { kind: "uncertain", lease: state.lease, trouble };
    case "refused":
    case "released":
      return state;
  }
}

/** Gives the lease up. An acquire under way is waited for, and what it brings is given up too. */
export function release(before: TileMemory): TileStep {
  const { state, lease, call } = before;
  if (state.kind === "released") return quiet(before);
  const isAcquiring = call !== undefined && call.controllerToken === undefined;
  const memory: TileMemory = {
    ...before,
    state: { kind: "released" },
    call: isAcquiring ? call : undefined,
    lease: undefined,
    dueAt: undefined,
  };
  const ends: TileAction[] = [];
  if (call !== undefined && !isAcquiring) ends.push({ kind: "give_up", callId: call.id });
  if (lease !== undefined) {
    ends.push({ kind: "release", controllerToken: lease.controllerToken });
  }
  return followUp({ memory, actions: ends }, (released) =>
    emitting(released, { kind: "released" }),
  );
}
