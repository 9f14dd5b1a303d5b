import type { Attach } from "../../../src/core/command.ts";
import type { TransportSeen } from "../seen/seen.ts";
import type { Link, Place, World } from "../world.ts";
import { EndReporter } from "./end-reporter.ts";
import { Watcher } from "./watcher.ts";

/** Answers the handshakes of the sessions that are placed with it, and reports on each. */
export class Manager {
  readonly #world: World;
  readonly #name: string;
  readonly #link: Link;
  readonly #watcher: Watcher;
  readonly #reporters = new Map<string, EndReporter>();
  readonly #served = new Map<string, Place>();
  readonly #attaching = new Set<string>();
  #runs = 0;

  constructor(world: World, name: string, beachId: string) {
    this.#world = world;
    this.#name = name;
    this.#link = world.network.link(name);
    this.#watcher = new Watcher(world, this.#link, {
      sessions: { kind: "beach", beachId },
      reader: "manager",
      isSlow: false,
      onState: (sessionId, state) => this.#take(sessionId, state),
      onGone: (sessionId, reason) => {
        if (reason !== "unknown") this.#reporters.get(sessionId)?.closeAll();
      },
    });
  }

  get url(): string {
    return `https://${this.#name}.beach`;
  }

  start(): void {
    this.#runs += 1;
    this.#watcher.start();
    for (const place of this.#served.values())
      this.#world.live(this.#name, () => this.#attach(place));
  }

  /** kill -9; what it served it will serve again when it is started. */
  kill(): void {
    this.#watcher.stop();
    for (const reporter of this.#reporters.values()) reporter.die();
    this.#reporters.clear();
  }

  calmDown(): void {
    for (const reporter of this.#reporters.values()) reporter.calmDown();
  }

  /** Takes a session on, from whoever served it before. */
  async take(place: Place): Promise<void> {
    this.#served.set(place.sessionId, place);
    await this.#attach(place);
    await this.#link.ask(place.sessionId, {
      kind: "Renegotiate",
      token: undefined,
      reason: "operator",
      observedGeneration: undefined,
    });
  }

  /** Serves what it was placed with until another manager does. */
  serve(place: Place): void {
    this.#served.set(place.sessionId, place);
  }

  /** Another manager serves it from now on; connections stay until they are retired. */
  handOver(sessionId: string): void {
    this.#served.delete(sessionId);
  }

  async #attach(place: Place): Promise<void> {
    if (this.#attaching.has(place.sessionId)) return;
    this.#attaching.add(place.sessionId);
    await this.#link.ask(place.sessionId, attachOf(place, this.url));
    this.#attaching.delete(place.sessionId);
  }

  #take(sessionId: string, state: TransportSeen): void {
    const place = this.#served.get(sessionId);
    const reporter = this.#reporterOf(sessionId);
    const { negotiation } = state;
    if (negotiation?.managerUrl === this.url) reporter.answer(negotiation.handshakeId);
    else if (negotiation !== undefined && place !== undefined) {
      this.#world.live(this.#name, () => this.#attach(place));
    }
    reporter.know(state, place !== undefined);
  }

  #reporterOf(sessionId: string): EndReporter {
    const known = this.#reporters.get(sessionId);
    if (known !== undefined) return known;
    const reporter = new EndReporter(this.#world, this.#link, {
      end: "manager",
      sessionId,
      reporterId: `${this.#name}-${this.#runs}`,
      onUnknown: () => {
        const place = this.#served.get(sessionId);
        if (place !== undefined) this.#world.live(this.#name, () => this.#attach(place));
      },
    });
    this.#reporters.set(sessionId, reporter);
    reporter.start();
    return reporter;
  }
}

export function attachOf({ beachId, hostReports }: Place, managerUrl: string): Attach {
  const requiredChannels = ["mgr-actions"];
  return { kind: "Attach", beachId, managerUrl, requiredChannels, hostReports };
}
