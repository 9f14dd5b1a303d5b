import type { Word } from "./vocabulary.ts";

/** A handshake, by its place in the session. */
export type Place = "current" | "next" | "abandoned" | "lingering" | "retired" | "foreign";

/** Where a walk begins, and what can happen on it. */
export interface Scene {
  readonly name: string;
  readonly hostReports: boolean;
  /** How many lease keys there are; with none, one lease is renewed at each moment, lease_only. */
  readonly leaseKeys: 0 | 1 | 2;
  /** Leases may be renewed for less, or always have the same ttl. */
  readonly ttls?: "any";
  /** Leases may be revoked, which blocks new ones for a while. */
  readonly revokes?: boolean;
  /** A session has a transport as soon as it is attached. */
  readonly begins?: "promoted";
  /** Both ends report a usable transport ready at each moment. */
  readonly keepsTransport?: boolean;
  /** What the ends say of the handshake in each place. */
  readonly says: Says;
  /** The service is deaf now and then, and the store loses what came last. */
  readonly gaps: boolean;
  readonly detach: boolean;
  /** Records are forgotten: the store is emptied, or an older copy of it put back. */
  readonly forgets?: boolean;
  /** Handshakes are brought to a host that does not watch. */
  readonly delivers?: boolean;
  /** Somebody may watch when the session would go idle. */
  readonly watches?: boolean;
  /** Who starts negotiations: an operator the first one, renewals, or everybody who may. */
  readonly negotiates: "once" | "renewals" | "everybody";
  /** Stops after so many states; unset: when nothing new is found. */
  readonly statesMax?: number;
}

/** What the ends say: each for itself, and both at once. */
export interface Said {
  readonly manager?: readonly Word[];
  readonly host?: readonly Word[];
  readonly both?: readonly Word[];
}

export type Says = Readonly<Partial<Record<Place, Said>>>;

const still = { leaseKeys: 0, gaps: false, detach: false } as const;

/** Leases over a transport that is well: renewals start nothing. */
const calm = {
  begins: "promoted",
  keepsTransport: true,
  hostReports: false,
  says: {},
  gaps: false,
  detach: false,
  negotiates: "renewals",
} as const;

/**
 * Together they try every rule, each over all that can come of its moves. Each is walked until
 * nothing new is found, which a scene with everything in it would not come to in a day.
 */
export const scenes: readonly Scene[] = [
  {
    ...still,
    name: "a lease and a negotiation, with gaps",
    hostReports: false,
    leaseKeys: 1,
    says: {},
    gaps: true,
    negotiates: "renewals",
  },
  {
    ...calm,
    name: "two leases, holds and gaps",
    leaseKeys: 2,
    ttls: "any",
    revokes: true,
    gaps: true,
  },
  {
    ...calm,
    name: "a lease, holds, gaps, and detaching",
    leaseKeys: 1,
    revokes: true,
    gaps: true,
    detach: true,
    watches: true,
  },
  {
    ...still,
    name: "a lease over a transport",
    hostReports: false,
    leaseKeys: 1,
    keepsTransport: true,
    says: { next: { manager: ["ready"] }, current: { manager: ["closed"] } },
    detach: true,
    negotiates: "renewals",
  },
  {
    ...still,
    name: "the health of one transport",
    hostReports: true,
    says: {
      next: { manager: ["ready"], host: ["ready", "actions"] },
      current: {
        manager: ["ready", "actions", "slow", "stalled", "closed", "none"],
        host: ["ready", "actions", "slow", "stalled", "closed", "none"],
      },
    },
    negotiates: "once",
  },
  {
    ...still,
    name: "gaps over a transport",
    hostReports: true,
    says: { next: { both: ["ready"] }, current: { both: ["ready"], manager: ["closed"] } },
    gaps: true,
    negotiates: "renewals",
  },
  {
    ...still,
    name: "replacements with all channels or with fewer",
    hostReports: true,
    keepsTransport: true,
    says: { next: { manager: ["ready", "actions"], host: ["ready"] } },
    negotiates: "everybody",
  },
  {
    ...still,
    name: "handshakes that are brought to the host",
    hostReports: false,
    keepsTransport: true,
    says: { next: { manager: ["ready"] }, current: { manager: ["closed"] } },
    delivers: true,
    negotiates: "everybody",
  },
  {
    ...still,
    name: "gaps while handshakes are brought to the host",
    hostReports: false,
    leaseKeys: 1,
    says: {},
    gaps: true,
    delivers: true,
    negotiates: "renewals",
  },
  {
    ...still,
    name: "ids that a lost store may have known",
    hostReports: false,
    says: {
      next: { manager: ["ready"] },
      current: { manager: ["closed"] },
      lingering: { manager: ["ready"] },
      retired: { manager: ["ready"] },
      foreign: { manager: ["ready"] },
    },
    negotiates: "once",
  },
  {
    ...still,
    name: "lives that are forgotten",
    hostReports: false,
    says: { next: { manager: ["ready"] }, current: { manager: ["closed"] } },
    detach: true,
    forgets: true,
    negotiates: "once",
  },
];

/** Larger ones, for the long form. */
export const largeScenes: readonly Scene[] = [
  {
    ...still,
    name: "a replacement that fails, and the current one that dies",
    hostReports: true,
    keepsTransport: true,
    says: {
      current: { manager: ["closed"] },
      next: { manager: ["ready"], host: ["ready"] },
      abandoned: { manager: ["ready"], host: ["ready"] },
    },
    negotiates: "everybody",
  },
  {
    ...still,
    name: "recoveries with a host that need not report",
    hostReports: false,
    says: {
      current: { manager: ["ready", "closed"] },
      next: { manager: ["ready"], host: ["ready"] },
      abandoned: { manager: ["ready"], host: ["ready"] },
    },
    negotiates: "renewals",
  },
  {
    ...still,
    name: "replacements over a usable transport",
    hostReports: true,
    keepsTransport: true,
    says: {
      next: { manager: ["ready", "actions", "closed"], host: ["ready"] },
      lingering: { host: ["ready"] },
      retired: { manager: ["ready"] },
    },
    negotiates: "everybody",
  },
  {
    name: "everything",
    hostReports: false,
    leaseKeys: 2,
    ttls: "any",
    revokes: true,
    says: {
      current: {
        manager: ["ready", "actions", "stalled", "closed", "none"],
        host: ["ready", "actions", "stalled", "closed", "none"],
      },
      next: {
        manager: ["ready", "actions", "stalled", "closed", "none"],
        host: ["ready", "actions", "stalled", "closed", "none"],
      },
      abandoned: { manager: ["ready", "closed"], host: ["ready", "closed"] },
      lingering: { manager: ["ready"], host: ["ready"] },
      retired: { manager: ["ready"], host: ["ready"] },
      foreign: { manager: ["ready"], host: ["ready"] },
    },
    gaps: true,
    detach: true,
    watches: true,
    negotiates: "everybody",
    statesMax: 40_000,
  },
];
