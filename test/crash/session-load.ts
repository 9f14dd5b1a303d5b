import { durationFromMs } from "@bufbuild/protobuf/wkt";

import {
  type AcquireResponse,
  RenegotiationReason,
  type RenewResponse,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ChannelState,
  ConnectionState,
  HandshakeStanding,
  TransportEnd,
} from "../../src/gen/beach/controller/v1/transport_pb.js";
import type { Random } from "../support/runs/random.ts";
import { type Caller, leases, type Reply, registry } from "./caller.ts";
import { KnownSession } from "./known-session.ts";

/** What the load asks of a session, and whether that is a transition which has to be on disk. */
const deeds = {
  attach: true,
  detach: true,
  acquire: true,
  acquireShort: true,
  grow: true,
  release: true,
  revoke: true,
  lift: true,
  renegotiate: true,
  report: true,
  extend: false,
  expire: false,
  refuse: false,
} as const;

export type Deed = keyof typeof deeds;

/** A fact that an answer gave, and that is no fact any more. */
export interface LostFact {
  readonly sessionId: string;
  readonly fact: string;
  readonly story: readonly string[];
}

export interface LoadParts {
  readonly random: Random;
  /** Calls the service that runs now. */
  readonly caller: () => Caller;
  /** How long services have been up so far: their deadlines stand still while there is none. */
  readonly servedMs: () => number;
}

export const shortTtlMs = 300;
const ttlMsMin = 60_000;
const ttlMsMax = 300_000;
/** A ttl that was not kept is shorter by more than what an absence adds to it at random. */
const growth = 1.3;
const holdMs = 3_600_000;
const beachId = "beach-1";
export const leaseReason = "crash run";

/** Does one thing after the other to one session, and keeps what it was answered. */
export class SessionLoad {
  readonly known: KnownSession;
  readonly lost: LostFact[] = [];
  readonly #parts: LoadParts;
  /** What was asked and not answered: it has happened, or it has not. */
  doubt: Deed | undefined;
  #sequence = 0;

  constructor(id: string, parts: LoadParts) {
    this.known = new KnownSession(id);
    this.#parts = parts;
  }

  /** A transition was asked for and not answered. */
  get isUnanswered(): boolean {
    return this.doubt !== undefined && deeds[this.doubt];
  }

  /** False when the service was gone before it answered. */
  async act(): Promise<boolean> {
    const deed = this.#choose();
    this.doubt = deed;
    const outcome = await this.#do(deed);
    this.known.note(`${deed}: ${outcome}`);
    if (outcome === "unanswered") return false;
    this.doubt = undefined;
    return true;
  }

  lose(...facts: readonly string[]): void {
    const { id: sessionId, story } = this.known;
    for (const fact of facts) this.lost.push({ sessionId, fact, story: [...story] });
  }

  #choose(): Deed {
    const { known } = this;
    const { random } = this.#parts;
    if (!known.isAttached) return "attach";
    if (known.isHeld) return random.chance(0.7) ? "lift" : "refuse";
    if (known.lease === undefined) return random.chance(0.15) ? "acquireShort" : "acquire";
    if (known.lease.isShort) return random.chance(0.8) ? "expire" : "release";
    if (known.inFlight !== "" && random.chance(0.4)) return "report";
    if (known.inFlight === "" && random.chance(0.3)) return "renegotiate";
    if (random.chance(0.05)) return "detach";
    const growing: readonly Deed[] = known.lease.ttlMs < ttlMsMax ? ["grow", "grow", "grow"] : [];
    return random.pick<Deed>([...growing, "extend", "release", "revoke"]);
  }

  #do(deed: Deed): Promise<string> {
    switch (deed) {
      case "attach":
        return this.#attach();
      case "detach":
        return this.#detach();
      case "acquire":
        return this.#acquire(ttlMsMin, false);
      case "acquireShort":
        return this.#acquire(shortTtlMs, true);
      case "expire":
        return this.#expire();
      case "refuse":
        return this.#beRefused();
      case "grow":
        return this.#renew(growth);
      case "extend":
        return this.#renew(1);
      case "release":
        return this.#release();
      case "revoke":
        return this.#revoke();
      case "lift":
        return this.#lift();
      case "renegotiate":
        return this.#renegotiate();
      case "report":
        return this.#report();
    }
  }

  async #attach(): Promise<string> {
    const { known } = this;
    const managerUrl = `http://manager-of-${known.id}`;
    const asked = { sessionId: known.id, privateBeachId: beachId, managerUrl };
    const requiredChannels = ["mgr-actions"];
    const reply = await this.#ask(registry.attachSession, { ...asked, requiredChannels });
    if (reply.kind !== "answered") return this.#unexpected(reply);
    known.isAttached = true;
    this.#learn(reply.value);
    return "attached";
  }

  async #detach(): Promise<string> {
    const { known } = this;
    const asked = { sessionId: known.id, reason: leaseReason };
    const reply = await this.#ask(registry.detachSession, asked);
    if (reply.kind !== "answered") return this.#unexpected(reply);
    if (!reply.value.detached) this.lose("an attached session was not there to be detached");
    known.detached();
    return "detached";
  }

  async #acquire(ttlMs: number, isShort: boolean): Promise<string> {
    const { known } = this;
    const asked = { sessionId: known.id, reason: leaseReason, ttl: durationFromMs(ttlMs) };
    const reply = await this.#ask(leases.acquire, asked);
    if (reply.kind !== "answered") return this.#unexpected(reply);
    const { controllerToken: token } = reply.value;
    return this.#hold(reply.value, { token, ttlMs, isShort });
  }

  async #renew(factor: number): Promise<string> {
    const { lease } = this.known;
    if (lease === undefined) return "nothing to renew";
    const ttlMs = Math.min(Math.round(lease.ttlMs * factor), ttlMsMax);
    const asked = {
      ...this.#of(lease.token),
      leaseOnly: this.#parts.random.chance(0.5),
      ...(factor === 1 ? {} : { ttl: durationFromMs(ttlMs) }),
    };
    const reply = await this.#ask(leases.renew, asked);
    if (reply.kind !== "answered") return this.#unexpected(reply);
    return this.#hold(reply.value, { ...lease, ttlMs });
  }

  /** Waits for a short lease to end by itself, and has that shown. */
  async #expire(): Promise<string> {
    const { lease } = this.known;
    if (lease === undefined) return "nothing to expire";
    await new Promise((resolve) => setTimeout(resolve, shortTtlMs));
    const reply = await this.#ask(registry.checkLease, this.#of(lease.token));
    if (reply.kind === "answered") return "still live";
    if (reply.kind === "refused" && reply.endedBy === "expired") this.known.ended("expired");
    else return this.#unexpected(reply);
    return "expired";
  }

  /** Under a hold nobody acquires. */
  async #beRefused(): Promise<string> {
    const asked = { sessionId: this.known.id, reason: leaseReason };
    const reply = await this.#ask(leases.acquire, asked);
    if (reply.kind === "unanswered") return reply.kind;
    if (reply.kind === "answered" || reply.reason !== "REVOKED") this.lose("a hold is gone");
    return "refused";
  }

  async #release(): Promise<string> {
    const { lease } = this.known;
    const reply = await this.#ask(leases.release, this.#of(lease?.token ?? ""));
    if (reply.kind !== "answered") return this.#unexpected(reply);
    const { released } = reply.value;
    if (!released && lease?.isShort === false) this.lose("a live lease could not be released");
    this.known.ended(released ? "released" : "expired");
    return released ? "released" : "too late";
  }

  async #revoke(): Promise<string> {
    const { id: sessionId, lease } = this.known;
    const leaseIds = lease === undefined ? [] : [lease.id];
    const asked = { sessionId, leaseIds, reason: leaseReason, hold: durationFromMs(holdMs) };
    const reply = await this.#ask(registry.revokeLeases, asked);
    if (reply.kind !== "answered") return this.#unexpected(reply);
    if (reply.value.revoked !== leaseIds.length) this.lose("a live lease could not be revoked");
    this.known.ended("revoked");
    this.known.isHeld = true;
    return "revoked";
  }

  async #lift(): Promise<string> {
    const asked = { sessionId: this.known.id, hold: durationFromMs(0) };
    const reply = await this.#ask(registry.revokeLeases, asked);
    if (reply.kind !== "answered") return this.#unexpected(reply);
    this.known.isHeld = false;
    return "lifted";
  }

  async #renegotiate(): Promise<string> {
    const asked = { sessionId: this.known.id, reason: RenegotiationReason.OPERATOR };
    const reply = await this.#ask(leases.renegotiate, asked);
    if (reply.kind !== "answered") return this.#unexpected(reply);
    this.#learn(reply.value);
    return `in flight ${this.known.inFlight}`;
  }

  /** The manager says that the handshake in flight is up, which nobody has to confirm. */
  async #report(): Promise<string> {
    const { known } = this;
    this.#sequence += 1;
    const report = {
      sessionId: known.id,
      handshakeId: known.inFlight,
      end: TransportEnd.MANAGER,
      transportId: `connection of ${known.inFlight}`,
      connection: ConnectionState.CONNECTED,
      channels: [{ label: "mgr-actions", state: ChannelState.READY }],
      reporterId: "manager-1",
      sequence: BigInt(this.#sequence),
    };
    const reply = await this.#ask(registry.reportTransport, { reports: [report] });
    if (reply.kind !== "answered") return this.#unexpected(reply);
    const [verdict] = reply.value.verdicts;
    const servedMs = this.#parts.servedMs();
    if (verdict?.standing !== HandshakeStanding.PROMOTED) {
      const standing = HandshakeStanding[verdict?.standing ?? 0];
      if (known.isSurelyInFlight(servedMs)) this.lose(`what came up in time is ${standing}`);
      known.hasOverdue = verdict?.standing === HandshakeStanding.ABANDONED;
      known.negotiates("", servedMs);
      return `came up too late: ${standing}`;
    }
    this.lose(...known.promotes(known.inFlight, verdict.generation, servedMs));
    return `promoted under ${verdict.generation}`;
  }

  get #ask(): Caller["ask"] {
    const caller = this.#parts.caller();
    return caller.ask.bind(caller);
  }

  #of(controllerToken: string): { readonly sessionId: string; readonly controllerToken: string } {
    return { sessionId: this.known.id, controllerToken };
  }

  #learn({ transport }: Pick<AcquireResponse, "transport">): void {
    this.lose(...this.known.learn(transport, this.#parts.servedMs()));
  }

  #hold(
    answer: AcquireResponse | RenewResponse,
    held: Parameters<KnownSession["holds"]>[1],
  ): string {
    this.#learn(answer);
    if (answer.lease === undefined) throw new Error("a lease was granted that is not told");
    this.lose(...this.known.holds(answer.lease, held));
    return `${answer.lease.leaseId}, epoch ${answer.lease.epoch}, ttl ${held.ttlMs}`;
  }

  #unexpected(reply: Exclude<Reply<unknown>, { kind: "answered" }>): string {
    if (reply.kind === "unanswered") return reply.kind;
    const why = `${reply.reason} ${reply.endedBy}`.trim();
    this.lose(`refused with ${why}`);
    return why;
  }
}
