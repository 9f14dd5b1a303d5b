import type { SessionEvent } from "../../../src/core/event.ts";
import type { RefusalReason } from "../../../src/core/refusal.ts";
import type {
  Gap,
  HealthReason,
  LeaseEnd,
  NegotiationReason,
  Standing,
} from "../../../src/core/session.ts";
import { type FaultName, faultNames } from "../faults/fault.ts";

type EventOf<Kind extends SessionEvent["kind"]> = Extract<SessionEvent, { kind: Kind }>;

/** Each list names every word of its type: a word that is added has to be added here. */
function words<Word extends string>(all: Readonly<Record<Word, true>>): readonly string[] {
  return Object.keys(all);
}

/** The simulated service brings handshakes to nobody: that is walked, and tested by itself. */
type SimulatedEvent = Exclude<SessionEvent["kind"], "DeliveryDue" | "HandshakeDelivered">;

const eventKinds = words<SimulatedEvent>({
  SessionAttached: true,
  SessionUpdated: true,
  SessionDetached: true,
  SessionTouched: true,
  TombstoneExpired: true,
  GapTaken: true,
  IncarnationChanged: true,
  LeaseGranted: true,
  LeaseExtended: true,
  LeaseRekeyed: true,
  LeaseEnded: true,
  HoldPlaced: true,
  HoldsLifted: true,
  HandshakeStarted: true,
  HandshakePromoted: true,
  GenerationNamed: true,
  GenerationRaised: true,
  HandshakeAbandoned: true,
  HandshakeRetired: true,
  NegotiationDelayed: true,
  BackoffReset: true,
  DiedEarly: true,
  ReportReceived: true,
  ReportPlaced: true,
  HealthChanged: true,
});

/** Refusals that the core and the service can give; the others are the business of the doors, or of stores that keep bytes. */
type RefusalGiven = Exclude<
  RefusalReason,
  | "PASSCODE_WRONG"
  | "ACCOUNT_MISSING"
  | "SCOPE_MISSING"
  | "UNAUTHENTICATED"
  | "KEYS_UNAVAILABLE"
  | "ROAD_UNAVAILABLE"
  | "READER_STALLED"
  | "SESSION_UNREADABLE"
>;

export const refusals: readonly string[] = words<
  | Exclude<RefusalGiven, "LEASE_NOT_LIVE" | "TOO_MANY">
  | `LEASE_NOT_LIVE ${LeaseEnd | "unknown"}`
  | `TOO_MANY ${"leases" | "negotiations" | "replacements"}`
>({
  SESSION_UNKNOWN: true,
  "LEASE_NOT_LIVE expired": true,
  "LEASE_NOT_LIVE released": true,
  "LEASE_NOT_LIVE revoked": true,
  "LEASE_NOT_LIVE detached": true,
  "LEASE_NOT_LIVE unknown": true,
  REVOKED: true,
  NOT_YOUR_BEACH: true,
  FIELD_INVALID: true,
  CONTENDED: true,
  STORE_UNAVAILABLE: true,
  "TOO_MANY leases": true,
  "TOO_MANY negotiations": true,
  "TOO_MANY replacements": true,
});

const health = words<HealthReason>({
  confirmed: true,
  recovered: true,
  adopted: true,
  host_silent: true,
  manager_silent: true,
  silent: true,
  ice_disconnected: true,
  channel_missing: true,
  acks_slow: true,
  acks_stalled: true,
  connection_closed: true,
  channel_closed: true,
  end_restarted: true,
});

export const renewRows = [
  "not live",
  "lease only",
  "usable, replacement in flight",
  "usable",
  "joined",
  "has to wait",
  "started",
] as const;
export type RenewRow = (typeof renewRows)[number];

/** The words of each group of things that can happen. */
export type Vocabulary = Readonly<Record<string, readonly string[]>>;

/** What every long enough simulation must have met. */
const simulated: Vocabulary = {
  "Renew row": renewRows,
  event: eventKinds,
  refusal: refusals,
  fault: faultNames,
  "health reason": health,
  "promotion reason": words<EventOf<"HandshakePromoted">["reason"]>({
    confirmed: true,
    host_silent: true,
    adopted: true,
  }),
  "abandonment reason": words<EventOf<"HandshakeAbandoned">["reason"]>({
    confirm_timeout: true,
    ends_disagree: true,
  }),
  "retirement reason": words<EventOf<"HandshakeRetired">["reason"]>({
    linger_over: true,
    abandonment_over: true,
    crowded_out: true,
    outrun: true,
  }),
  "negotiation reason": words<NegotiationReason>({
    acquired: true,
    renewed: true,
    transport_lost: true,
    poor_quality: true,
    network_changed: true,
    operator: true,
    unspecified: true,
  }),
  "lease ended by": words<LeaseEnd>({
    expired: true,
    released: true,
    revoked: true,
    detached: true,
  }),
  "detach reason": ["requested", "idle"],
  "delay of": words<EventOf<"NegotiationDelayed">["which"]>({
    recoveries: true,
    replacements: true,
  }),
  "forgiveness of": words<EventOf<"BackoffReset">["which"]>({
    recoveries: true,
    replacements: true,
  }),
  gap: words<Gap["kind"]>({ absence: true, stall: true }),
  standing: words<Standing>({
    promoted: true,
    in_flight: true,
    abandoned: true,
    lingering: true,
    retired: true,
    unknown: true,
  }),
};

/** So many seeds meet everything that can happen: the rarest comes in one of about a hundred. */
export const completeFromSeeds = 2_000;

/** How often each thing that can happen has happened. */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary = simulated) {
    this.#vocabulary = vocabulary;
  }

  add(group: string, word: string, times = 1): void {
    if (this.#vocabulary[group]?.includes(word) === false) {
      throw new Error(`"${word}" is no ${group} that the tally knows`);
    }
    const counts = this.#counts.get(group) ?? new Map<string, number>();
    this.#counts.set(group, counts.set(word, (counts.get(word) ?? 0) + times));
  }

  fault(name: FaultName): void {
    this.add("fault", name);
  }

  addAll(other: Tally): void {
    for (const [group, counts] of other.#counts) {
      for (const [word, times] of counts) this.add(group, word, times);
    }
  }

  /** What has never happened. */
  get missing(): readonly string[] {
    return Object.entries(this.#vocabulary).flatMap(([group, all]) =>
      all.filter((word) => this.#of(group, word) === 0).map((word) => `${group}: ${word}`),
    );
  }

  /** A line for each group, rarest last. */
  toString(): string {
    return Object.entries(this.#vocabulary)
      .map(([group, all]) => {
        const counted = all
          .map((word) => [word, this.#of(group, word)] as const)
          .toSorted((a, b) => b[1] - a[1]);
        return `${group}: ${counted.map(([word, times]) => `${word} ${times}`).join(" · ")}`;
      })
      .join("\n");
  }

  #of(group: string, word: string): number {
    return this.#counts.get(group)?.get(word) ?? 0;
  }
}
