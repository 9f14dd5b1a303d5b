import { durationMs } from "@bufbuild/protobuf/wkt";

import type { CheckHandshakeResponse } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { HandshakeStanding } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { type Caller, leases, registry } from "./caller.ts";
import { earlier, wallMs } from "./known-session.ts";
import { leaseReason, type SessionLoad } from "./session-load.ts";

export interface Checking {
  readonly caller: Caller;
  /** The most that there has been of time served. */
  readonly servedMs: () => number;
}

/**
 * Holds everything that answers said before the crash against what is there now, and finds out
 * about the call that was not answered: it happened whole, or not at all. Returns how many facts
 * were looked at; those that are lost are noted with the session.
 */
export async function checkSession(load: SessionLoad, checking: Checking): Promise<number> {
  return await new SessionCheck(load, checking).run();
}

class SessionCheck {
  readonly #load: SessionLoad;
  readonly #checking: Checking;
  #facts = 0;

  constructor(load: SessionLoad, checking: Checking) {
    this.#load = load;
    this.#checking = checking;
  }

  async run(): Promise<number> {
    const { known, doubt } = this.#load;
    const sessionId = known.id;
    const handshakeId = known.inFlight || known.promoted || "none";
    const { caller } = this.#checking;
    const reply = await caller.ask(registry.checkHandshake, { sessionId, handshakeId });
    this.#checkAttachment(reply.kind === "answered");
    if (reply.kind === "answered") {
      this.#checkTransport(reply.value);
      await this.#checkLease();
      await this.#checkHold();
    }
    await this.#checkEnds();
    known.note(`crash; ${doubt ?? "nothing"} was unanswered`);
    this.#load.doubt = undefined;
    return this.#facts;
  }

  /** An attach or a detach that was not answered has happened or not: the record says which. */
  #checkAttachment(isAttached: boolean): void {
    const { known, doubt } = this.#load;
    const isSure = doubt !== "attach" && doubt !== "detach";
    if (isSure) this.#expect(isAttached === known.isAttached, `it is attached: ${isAttached}`);
    if (known.isAttached && !isAttached) known.detached();
    known.isAttached = isAttached;
  }

  /** No counter has gone back, and what was in flight or promoted is; a report may have promoted. */
  #checkTransport({ standing, transport }: CheckHandshakeResponse): void {
    const { known, doubt } = this.#load;
    const { generation, hasOverdue } = known;
    const servedMs = this.#checking.servedMs();
    const isReported = doubt === "report";
    if (!isReported && known.isSurelyInFlight(servedMs)) {
      const isInFlight = standing === HandshakeStanding.IN_FLIGHT;
      this.#expect(isInFlight, `the one in flight is ${HandshakeStanding[standing]}`);
    }
    if (isReported && standing === HandshakeStanding.ABANDONED) known.hasOverdue = true;
    this.#facts += 4;
    this.#load.lose(...known.learn(transport, servedMs));
    const isPromoted = known.generation > generation;
    this.#expect(
      !isPromoted || isReported || hasOverdue,
      `generation ${generation} was left by itself`,
    );
  }

  async #checkLease(): Promise<void> {
    const { known, doubt } = this.#load;
    const { lease } = known;
    if (lease === undefined) return;
    const mayHaveEnded = doubt === "release" || doubt === "revoke" || lease.isShort;
    const asked = { sessionId: known.id, controllerToken: lease.token };
    const reply = await this.#checking.caller.ask(registry.checkLease, asked);
    if (reply.kind === "answered" && reply.value.lease !== undefined) {
      const found = reply.value.lease;
      this.#expect(found.epoch === lease.epoch, `epoch ${lease.epoch} became ${found.epoch}`);
      this.#facts += 1;
      this.#load.lose(...earlier(lease.expiresAtMs, wallMs(found)));
      await this.#checkTtl();
      return;
    }
    const endedBy = reply.kind === "refused" ? reply.endedBy : reply.kind;
    this.#expect(mayHaveEnded, `a live lease has ended: ${endedBy}`);
    known.ended(endedBy);
  }

  /** What a renewal that names no ttl gets is the one last asked for. */
  async #checkTtl(): Promise<void> {
    const { known, doubt } = this.#load;
    const { lease } = known;
    if (lease === undefined || lease.isShort || doubt === "grow") return;
    const asked = { sessionId: known.id, controllerToken: lease.token, leaseOnly: true };
    const reply = await this.#checking.caller.ask(leases.renew, asked);
    const expiresIn = reply.kind === "answered" ? reply.value.lease?.expiresIn : undefined;
    const leftMs = expiresIn === undefined ? 0 : durationMs(expiresIn);
    // The remaining time is that of the answer; a ttl that was not kept is far below.
    const isKept = leftMs > 0.9 * lease.ttlMs;
    this.#expect(isKept, `a ttl of ${lease.ttlMs} ms gives ${leftMs} ms`);
  }

  /** A revocation whose lease has ended has placed its hold as well: it happened whole. */
  async #checkHold(): Promise<void> {
    const { known, doubt } = this.#load;
    const isSure = doubt !== "revoke" && doubt !== "lift";
    if (isSure && !known.isHeld) return;
    const asked = { sessionId: known.id, reason: leaseReason };
    const reply = await this.#checking.caller.ask(leases.acquire, asked);
    const isHeld = reply.kind === "refused" && reply.reason === "REVOKED";
    if (isSure) this.#expect(isHeld, "a hold is gone");
    if (doubt === "revoke") {
      const wasRevoked = known.lease === undefined;
      this.#expect(isHeld === wasRevoked, `half of a revocation is there: held is ${isHeld}`);
    }
    known.isHeld = isHeld;
  }

  async #checkEnds(): Promise<void> {
    const { known } = this.#load;
    for (const { token: controllerToken, endedBy } of known.ends) {
      const asked = { sessionId: known.id, controllerToken };
      const reply = await this.#checking.caller.ask(registry.checkLease, asked);
      const found = reply.kind === "refused" ? reply.endedBy : reply.kind;
      this.#expect(found === endedBy, `a lease that ended as ${endedBy} is ${found}`);
    }
  }

  #expect(isSo: boolean, otherwise: string): void {
    this.#facts += 1;
    if (!isSo) this.#load.lose(otherwise);
  }
}
