import type { Lease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportState } from "../../src/gen/beach/controller/v1/transport_pb.js";

/** A lease as the last answer about it said. */
export interface KnownLease {
  readonly token: string;
  readonly id: string;
  readonly epoch: bigint;
  /** On the wall clock. */
  readonly expiresAtMs: number;
  readonly ttlMs: number;
  /** So short that it may end by itself at any moment. */
  readonly isShort: boolean;
}

/** A lease that an answer called ended. */
export interface KnownEnd {
  readonly token: string;
  readonly endedBy: string;
}

const endsMax = 4;

/** All that answers have said of one session, which therefore has to stay true. */
export class KnownSession {
  readonly id: string;
  isAttached = false;
  lease: KnownLease | undefined;
  readonly ends: KnownEnd[] = [];
  /** Leases were revoked with a hold that outlasts the run. */
  isHeld = false;
  version = 0n;
  leaseVersion = 0n;
  generation = 0n;
  /** Of the newest grant. */
  epoch = 0n;
  /** Handshakes, empty for none. */
  promoted = "";
  inFlight = "";
  /** When, in time served, `inFlight` was first shown. */
  inFlightSinceMs = 0;
  /** One came up after it was abandoned: it wins by itself once the promoted one is lost. */
  hasOverdue = false;
  /** What was asked and answered, newest last. */
  readonly story: string[] = [];

  constructor(id: string) {
    this.id = id;
  }

  note(line: string): void {
    this.story.push(line);
    if (this.story.length > 30) this.story.shift();
  }

  /** Takes an answer's transport in; returns what of it goes back behind an earlier answer. */
  learn(state: TransportState | undefined, servedMs: number): readonly string[] {
    if (state === undefined) return [];
    const faults = [
      ...backward("version", this.version, state.version),
      ...backward("lease version", this.leaseVersion, state.leaseVersion),
      ...backward("generation", this.generation, state.generation),
    ];
    const isOther = this.promoted !== "" && state.handshakeId !== this.promoted;
    if (isOther && state.generation === this.generation) {
      faults.push(`generation ${state.generation} is no longer that of ${this.promoted}`);
    }
    if (state.generation > this.generation) this.hasOverdue = false;
    this.version = state.version;
    this.leaseVersion = state.leaseVersion;
    this.generation = state.generation;
    this.promoted = state.handshakeId;
    this.negotiates(state.negotiation?.handshakeId ?? "", servedMs);
    return faults;
  }

  negotiates(handshakeId: string, servedMs: number): void {
    if (handshakeId !== this.inFlight) this.inFlightSinceMs = servedMs;
    this.inFlight = handshakeId;
  }

  /** Takes a lease in as granted or extended; returns what of it goes back. */
  holds(lease: Lease, held: Pick<KnownLease, "token" | "ttlMs" | "isShort">): readonly string[] {
    const { leaseId: id, epoch } = lease;
    const expiresAtMs = wallMs(lease);
    const before = this.lease;
    const isNew = before?.id !== id;
    const faults = isNew && epoch <= this.epoch ? [`epoch ${epoch} came after ${this.epoch}`] : [];
    if (!isNew) faults.push(...earlier(before.expiresAtMs, expiresAtMs));
    if (!isNew && before.epoch !== epoch) faults.push(`epoch ${before.epoch} became ${epoch}`);
    this.lease = { id, epoch, expiresAtMs, ...held };
    if (epoch > this.epoch) this.epoch = epoch;
    return faults;
  }

  /** It has 15 s, absences aside: then it is abandoned by itself. */
  isSurelyInFlight(servedMs: number): boolean {
    return this.inFlight !== "" && !this.hasOverdue && servedMs - this.inFlightSinceMs < 12_000;
  }

  /** The handshake in flight came up; returns what of it was used before. */
  promotes(handshakeId: string, generation: bigint, servedMs: number): readonly string[] {
    const fell = generation <= this.generation;
    const faults = fell ? [`generation ${generation} came after ${this.generation}`] : [];
    this.promoted = handshakeId;
    this.generation = generation;
    this.hasOverdue = false;
    this.negotiates("", servedMs);
    return faults;
  }

  /** Nothing of it is left but what it counted. */
  detached(): void {
    this.ended("detached");
    this.isAttached = false;
    this.promoted = "";
    this.inFlight = "";
    this.hasOverdue = false;
  }

  /** The lease has ended, and is never to be live again. */
  ended(endedBy: string): void {
    if (this.lease === undefined) return;
    this.ends.push({ token: this.lease.token, endedBy });
    if (this.ends.length > endsMax) this.ends.shift();
    this.lease = undefined;
  }
}

export function wallMs({ expiresAt }: Lease): number {
  return expiresAt === undefined
    ? 0
    : Number(expiresAt.seconds) * 1000 + expiresAt.nanos / 1_000_000;
}

/** The wall clock is read at every answer, by one process after the other. */
const clocksApartMs = 100;

export function earlier(knownMs: number, foundMs: number): readonly string[] {
  const byMs = knownMs - foundMs;
  return byMs > clocksApartMs ? [`the lease ends ${Math.round(byMs)} ms earlier`] : [];
}

function backward(what: string, known: bigint, found: bigint): readonly string[] {
  return found < known ? [`the ${what} fell from ${known} to ${found}`] : [];
}
