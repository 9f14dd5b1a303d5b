import type { DurationMs } from "../../../src/core/time.ts";
import type { Answer } from "../seen/ask.ts";
import type { LeaseSeen } from "../seen/seen.ts";
import type { Link, Place, World } from "../world.ts";
import { attachOf } from "./manager.ts";

const retryMs: DurationMs = 700;

export interface HolderOptions {
  readonly place: Place;
  readonly account: string;
  readonly reason: string;
  readonly managerUrl: string;
  /** Asked for with each call; undefined for the service's own. */
  readonly ttlMs: (lease: LeaseSeen | undefined) => DurationMs | undefined;
  /** When to come back, by what the answer said. */
  readonly renewIn: (answer: Extract<Answer, { kind: "done" }>) => DurationMs;
  /** By its token, as new clients do, or by acquiring again, as old ones do. */
  readonly renewsBy: "token" | "acquire";
}

/** A lease, with the token that its grant showed. */
export interface LeaseHeld extends LeaseSeen {
  readonly token: string;
}

/** Somebody who keeps one lease alive: a tile, an old tile, or one actor of an agent. */
export class LeaseHolder {
  readonly #world: World;
  readonly #link: Link;
  readonly #options: HolderOptions;
  #lease: LeaseHeld | undefined;

  constructor(world: World, link: Link, options: HolderOptions) {
    this.#world = world;
    this.#link = link;
    this.#options = options;
  }

  /** The lease as it was last shown; undefined while there is none. */
  get lease(): LeaseHeld | undefined {
    return this.#lease;
  }

  async hold(): Promise<void> {
    const { timeline, random } = this.#world;
    await timeline.sleep(random.between(0, 2_000));
    for (;;) {
      const answer = await this.#keep();
      if (answer?.kind === "done") {
        await timeline.sleep(this.#options.renewIn(answer));
        if (random.chance(0.03)) await this.#leave();
      } else {
        await timeline.sleep(retryAfterOf(answer) ?? retryMs);
      }
    }
  }

  async #keep(): Promise<Answer | undefined> {
    const { place, account, reason, managerUrl, renewsBy } = this.#options;
    const { random } = this.#world;
    const lease = this.#lease;
    const ttlMs = this.#options.ttlMs(lease);
    const answer = await this.#link.ask(
      place.sessionId,
      lease === undefined || renewsBy === "acquire"
        ? { kind: "Acquire", account, reason, ttlMs, attach: this.#passcode(managerUrl) }
        : { kind: "Renew", token: lease.token, ttlMs, leaseOnly: random.chance(0.1) },
    );
    if (answer?.kind === "done" && answer.lease !== undefined) {
      const token = answer.lease.token ?? lease?.token ?? "";
      this.#lease = { ...answer.lease, token };
    }
    const isLost = answer?.kind === "refused" && answer.refusal.reason === "LEASE_NOT_LIVE";
    if (isLost) this.#lease = undefined;
    if (answer?.kind === "refused" && answer.refusal.reason === "SESSION_UNKNOWN") {
      this.#lease = undefined;
    }
    return answer;
  }

  /** Gives the lease up or just goes away, and comes back after a while. */
  async #leave(): Promise<void> {
    const { timeline, random } = this.#world;
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined && random.chance(0.6)) {
      const { sessionId } = this.#options.place;
      await this.#link.ask(sessionId, { kind: "Release", token: lease.token });
      await this.#link.ask(sessionId, { kind: "CheckLease", token: lease.token });
    }
    await timeline.sleep(random.between(1_000, 45_000));
  }

  /** Now and then the caller has a passcode that verifies. */
  #passcode(managerUrl: string): ReturnType<typeof attachOf> | undefined {
    return this.#world.random.chance(0.5) ? attachOf(this.#options.place, managerUrl) : undefined;
  }
}

function retryAfterOf(answer: Answer | undefined): DurationMs | undefined {
  if (answer?.kind !== "refused" || !("retryAfterMs" in answer.refusal)) return undefined;
  return Math.min(answer.refusal.retryAfterMs, 5_000);
}
