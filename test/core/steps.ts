import type { Attach, Population, Report } from "../../src/core/command.ts";
import type { Policy } from "../../src/core/policy.ts";
import type { NegotiationReason } from "../../src/core/session.ts";
import { type Step, start, type World } from "./given.ts";

export const allChannels: readonly string[] = ["mgr-actions", "mgr-acks", "mgr-state"];

const usualAttach: Attach = {
  kind: "Attach",
  beachId: "beach-1",
  managerUrl: "http://manager-1",
  requiredChannels: ["mgr-actions"],
  hostReports: false,
};

// Time.

/** The clock moves on; nobody asks anything meanwhile. */
export function wait(ms: number): Step {
  return (world) => {
    world.now += ms;
  };
}

/** The clock stands at this many milliseconds since the start of the story. */
export function at(ms: number): Step {
  return (world) => {
    world.now = start + ms;
  };
}

/** The clock moves on, and what is due by then happens. */
export function later(ms: number): Step {
  return (world) => {
    world.now += ms;
    world.run({ kind: "PassTime" });
  };
}

/** The loop stood still: for so long nothing was heard, and now it goes on. */
export function stalled(ms: number): Step {
  return gap("stall", ms);
}

/** The service was down, or its store away, for so long. */
export function absent(ms: number): Step {
  return gap("absence", ms);
}

function gap(kind: "stall" | "absence", ms: number): Step {
  return (world) => {
    const from = world.now;
    world.now += ms;
    const number = world.gaps.length + 1;
    world.gaps = [...world.gaps, { number, from, until: world.now, kind }];
  };
}

/** Repeats `steps` at once and after each `everyMs`, until `forMs` have passed. */
export function repeatedly(everyMs: number, forMs: number, ...steps: readonly Step[]): Step {
  return (world) => {
    for (const step of steps) step(world);
    for (let passed = everyMs; passed <= forMs; passed += everyMs) {
      world.now += everyMs;
      for (const step of steps) step(world);
    }
  };
}

// The world around the session.

export function watched(is = true): Step {
  return (world) => {
    world.watched = is;
  };
}

export function negotiationsElsewhere(count: number): Step {
  return (world) => {
    world.negotiationsElsewhere = count;
  };
}

/** What others have created, as far as it is not nothing. */
export function populated(population: Partial<Population>): Step {
  return (world) => {
    world.population = { ...world.population, ...population };
  };
}

export function policy(changes: Partial<Policy>): Step {
  return (world) => {
    world.policy = { ...world.policy, ...changes };
  };
}

export function tokenKeys(...keys: readonly string[]): Step {
  return (world) => {
    world.keys = keys;
  };
}

/** A copy of the store, which may take its place later: what came after it is lost then. */
export function backup(): { readonly taken: Step; readonly restored: Step } {
  let kept: World["record"];
  return {
    taken: (world) => {
      kept = world.record;
    },
    restored: (world) => {
      world.record = kept;
      incarnationChanged()(world);
    },
  };
}

/** The store lost what came last, if only of other sessions. */
export function incarnationChanged(): Step {
  return (world) => {
    world.incarnation += 1;
  };
}

/** The store forgot everything, which takes a second at the least. */
export function storeLost(): Step {
  return (world) => {
    world.now += 1_000;
    world.record = undefined;
  };
}

// The session.

export function attached(changes: Partial<Attach> = {}): Step {
  return (world) => {
    world.run({ ...usualAttach, ...changes });
  };
}

export function detached(reason = "closed"): Step {
  return (world) => {
    world.run({ kind: "Detach", reason });
  };
}

/** Attached, with one lease and handshake 1 promoted by both ends' word. */
export function onFastPath(changes: Partial<Attach> = {}): Step {
  return together(
    attached(changes),
    acquired("tile", { ttlMs: 300_000 }),
    manager(ready),
    host(ready),
  );
}

/** The same, and the manager alone ever reports. */
export function onFastPathByManagerAlone(changes: Partial<Attach> = {}): Step {
  return together(attached(changes), acquired("tile", { ttlMs: 300_000 }), manager(ready));
}

export function together(...steps: readonly Step[]): Step {
  return (world) => {
    for (const step of steps) step(world);
  };
}

// Leases; each is known by a name, which is its reason too.

export interface Asked {
  readonly ttlMs?: number;
  readonly account?: string;
  readonly reason?: string;
  /** A passcode was verified: makes the session known. */
  readonly passcode?: boolean;
}

export function acquired(name: string, asked: Asked = {}): Step {
  return (world) => {
    world.acquired += 1;
    const nextLeaseId = `lease-${world.acquired}-of-${name}`;
    const decision = world.run({
      kind: "Acquire",
      account: asked.account ?? "account-1",
      reason: asked.reason ?? name,
      ttlMs: asked.ttlMs,
      nextLeaseId,
      tokenHashesOf: (id) => tokensOf(world, id),
      attach: asked.passcode ? usualAttach : undefined,
    });
    if (decision.kind === "accepted") world.leases.set(name, decision.answer.lease.id);
  };
}

export function renewed(name: string, asked: { ttlMs?: number; leaseOnly?: boolean } = {}): Step {
  return (world) => {
    const { ttlMs, leaseOnly = false } = asked;
    world.run({ kind: "Renew", tokenHash: tokenOf(world, name), ttlMs, leaseOnly });
  };
}

export function released(name: string): Step {
  return (world) => {
    world.run({ kind: "Release", tokenHash: tokenOf(world, name) });
  };
}

export function checked(name: string): Step {
  return (world) => {
    world.run({ kind: "CheckLease", tokenHash: tokenOf(world, name) });
  };
}

/** Revokes the named leases, or all when none is named. */
export function revoked(names: readonly string[] = [], holdMs?: number): Step {
  return (world) => {
    const leaseIds = names.map((name) => world.leases.get(name) ?? name);
    world.run({ kind: "Revoke", reason: "stop", leaseIds, holdMs });
  };
}

/** What the key in use derives for the lease of that name, or for no lease at all. */
function tokenOf(world: World, name: string): string {
  return tokensOf(world, world.leases.get(name) ?? name)[0];
}

function tokensOf({ keys }: World, leaseId: string): readonly [string, ...string[]] {
  const [first = "", ...others] = keys.map((key) => `${key}(${leaseId})`);
  return [first, ...others];
}

// Negotiation.

interface Replacement {
  /** Whose token; unset for an operator without one. */
  readonly by?: string;
  readonly reason?: NegotiationReason;
  /** The generation of the story's n-th promotion. */
  readonly seen?: number;
}

export function renegotiated({ by, reason = "poor_quality", seen }: Replacement = {}): Step {
  return (world) => {
    world.run({
      kind: "Renegotiate",
      tokenHash: by === undefined ? undefined : tokenOf(world, by),
      reason,
      observedGeneration: seen === undefined ? undefined : world.generation(seen),
    });
  };
}

export function handshakeChecked(which?: number | string): Step {
  return (world) => {
    world.run({ kind: "CheckHandshake", handshakeId: world.handshake(which) });
  };
}

// Reports: what an end says, and about which handshake and connection.

export type Word = Partial<Report>;

export const ready: Word = { connection: "connected", readyChannels: allChannels };
export const actionsOnly: Word = { ...ready, readyChannels: ["mgr-actions"] };
export const connecting: Word = { connection: "connecting", openingChannels: allChannels };
export const disconnected: Word = { ...ready, connection: "disconnected" };
export const failed: Word = { connection: "failed" };
export const closed: Word = { connection: "closed" };
export const noConnection: Word = { connection: "closed", transportId: "" };

/** Ready, without these channels: they are not there any more. */
export function without(...channels: readonly string[]): Word {
  return { ...ready, readyChannels: allChannels.filter((one) => !channels.includes(one)) };
}

/** Ready, and the oldest action has waited this long for its acknowledgement. */
export function unacked(ms: number): Word {
  return { ...ready, oldestUnackedMs: ms };
}

interface About {
  /** The n-th handshake of the story, or an id; the newest when unset. */
  readonly of?: number | string;
  readonly by?: string;
  /** Unset: one more than the reporter's last; 0: without a number. */
  readonly sequence?: number;
  readonly transport?: string;
  readonly ageMs?: number;
  readonly generation?: number;
  /** The end knows the handshake under the generation of the story's n-th promotion. */
  readonly knows?: number;
}

export function manager(word: Word, about: About = {}): Step {
  return reports("manager", word, about);
}

export function host(word: Word, about: About = {}): Step {
  return reports("host", word, about);
}

function reports(end: Report["end"], word: Word, about: About): Step {
  return (world) => {
    const handshakeId = world.handshake(about.of);
    const reporterId = about.by ?? `${end}-process-1`;
    const counter = `${end}/${reporterId}`;
    const sequence = about.sequence ?? (world.sequences.get(counter) ?? 0) + 1;
    world.sequences.set(counter, Math.max(sequence, world.sequences.get(counter) ?? 0));
    world.run({
      kind: "Report",
      end,
      handshakeId,
      transportId: about.transport ?? `${end} connection for ${handshakeId}`,
      connection: "connected",
      readyChannels: [],
      openingChannels: [],
      oldestUnackedMs: 0,
      reporterId,
      sequence,
      observedAgeMs: about.ageMs ?? 0,
      generation: about.generation ?? world.generation(about.knows ?? 0),
      ...word,
    });
  };
}
