import { expect } from "vitest";

import { nextDeadline } from "../../src/core/deadlines/deadline.ts";
import type { SessionEvent } from "../../src/core/event.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import type {
  EndedLease,
  Health,
  HealthReason,
  Lease,
  LeaseEnd,
  PromotedHandshake,
  Session,
  Standing,
  TransportChange,
} from "../../src/core/session.ts";
import { standingOf } from "../../src/core/transport/standing.ts";
import { currentOf, nextNegotiationAt, nextOf, pathOf } from "../../src/core/view.ts";
import { type Check, start, type World } from "./given.ts";

/** The session, which has to be attached. */
export function sessionOf(world: World): Session {
  if (world.record?.kind !== "attached") throw new Error("the session is not attached");
  return world.record;
}

// The answer of the last step.

export function refused(refusal: Refusal | Refusal["reason"]): Check {
  return ({ last: { decision } }) => {
    const found = decision.kind === "refused" ? decision.refusal : decision.kind;
    const wanted = typeof refusal === "string" ? { reason: refusal } : refusal;
    expect(found).toMatchObject(wanted);
  };
}

export function accepted(answer?: unknown): Check {
  return ({ last: { decision } }) => {
    if (decision.kind === "refused") throw new Error(`refused: ${decision.refusal.reason}`);
    if (answer !== undefined) expect(decision.answer).toMatchObject(answer as object);
  };
}

/** The answer said that no handshake was started or joined. */
export const refreshed: Check = (world) => {
  expect(negotiationOf(world)).toMatchObject({ outcome: "refresh" });
};

/** The answer said to retry in `ms`. */
export function retryIn(ms: number): Check {
  return (world) =>
    expect(negotiationOf(world)).toEqual({ outcome: "refresh", retryAt: world.now + ms });
}

/** The caller was given handshake `which`, which this call started. */
export function startedHandshake(which: number): Check {
  return offers(which, false);
}

/** The caller was given handshake `which`, which was in flight before. */
export function joinedHandshake(which: number): Check {
  return offers(which, true);
}

function offers(which: number, joined: boolean): Check {
  return (world) => {
    expect(negotiationOf(world)).toMatchObject({
      outcome: "renegotiate",
      joined,
      offer: { id: world.handshake(which) },
    });
  };
}

function negotiationOf({ last: { decision } }: World): unknown {
  if (decision.kind === "refused") return decision.refusal;
  const answer = decision.answer as { negotiation?: unknown } | null;
  return answer?.negotiation ?? answer;
}

// What happened in the last step.

/** Exactly these events, in this order. */
export function happened(...kinds: readonly SessionEvent["kind"][]): Check {
  return ({ last }) => {
    expect(last.decision.events.map((event) => event.kind)).toEqual(kinds);
  };
}

export const nothingHappened: Check = happened();

/** One of the events of the last step looks like this. */
export function event(wanted: Partial<SessionEvent>): Check {
  return ({ last }) => {
    expect(last.decision.events).toContainEqual(expect.objectContaining(wanted));
  };
}

export const versionRose: Check = ({ last: { before, decision } }) => {
  expect(decision.session?.version).toBeGreaterThan(before?.version ?? 0);
};

export const versionKept: Check = ({ last: { before, decision } }) => {
  expect(decision.session?.version).toBe(before?.version);
};

export function lastChange(change: TransportChange, reason: string): Check {
  return (world) => {
    expect(sessionOf(world).lastChange).toMatchObject({ change, reason });
  };
}

// Leases.

export function lease(world: World, name: string): Lease {
  const id = world.leases.get(name);
  const found = sessionOf(world).leases.live.find((live) => live.id === id);
  if (found === undefined) throw new Error(`the lease of ${name} is not live`);
  return found;
}

/** The named lease is live for exactly this long from now. */
export function liveFor(name: string, ms: number): Check {
  return (world) => {
    expect(lease(world, name).expiresAt - world.now).toBe(ms);
  };
}

export function liveLeases(...names: readonly string[]): Check {
  return (world) => {
    const live = sessionOf(world).leases.live.map((one) => one.reason);
    expect([...live].sort()).toEqual([...names].sort());
  };
}

export function ended(name: string, endedBy: LeaseEnd): Check {
  return (world) => {
    const id = world.leases.get(name);
    const found: EndedLease | undefined = world.record?.leases.ended.find((one) => one.id === id);
    expect(found).toMatchObject({ endedBy });
  };
}

// The transport.

/** The promoted handshake, which has to exist. */
export function currentIn(world: World): PromotedHandshake {
  const current = currentOf(sessionOf(world).transport.path);
  if (current === undefined) throw new Error("no handshake is promoted");
  return current;
}

export function path(is: "pending" | "fast_path" | "http_fallback"): Check {
  return (world) => {
    expect(pathOf(sessionOf(world).transport)).toBe(is);
  };
}

export function health(is: Health, reason: HealthReason): Check {
  return (world) => {
    const { health: found, healthReason } = currentIn(world);
    expect([found, healthReason]).toEqual([is, reason]);
  };
}

/** Handshake `which` is the promoted one, under the generation of the story's n-th promotion. */
export function promoted(which: number | string, nth: number): Check {
  return (world) => {
    expect(currentOf(sessionOf(world).transport.path)?.id).toBe(world.handshake(which));
    expect(sessionOf(world).transport.generation).toBe(world.generation(nth));
  };
}

export const nonePromoted: Check = (world) => {
  expect(currentOf(sessionOf(world).transport.path)).toBeUndefined();
};

export function inFlight(which: number | undefined): Check {
  return (world) => {
    const id = which === undefined ? undefined : world.handshake(which);
    expect(nextOf(sessionOf(world).transport.path)?.id).toBe(id);
  };
}

export function standing(which: number | string, is: Standing): Check {
  return (world) => {
    expect(standingOf(sessionOf(world), world.handshake(which))).toBe(is);
  };
}

/** No negotiation is started for exactly this long from now; 0 if one would be now. */
export function backsOffFor(ms: number): Check {
  return (world) => {
    const until = nextNegotiationAt(sessionOf(world).transport, world.now);
    expect((until ?? world.now) - world.now).toBe(ms);
  };
}

// Time.

/** Time itself next changes something at this many milliseconds since the start of the story. */
export function nextDeadlineAt(ms: number): Check {
  return (world) => {
    const due = world.record && nextDeadline(world.record, world.policy);
    expect(due && due - start).toBe(ms);
  };
}
