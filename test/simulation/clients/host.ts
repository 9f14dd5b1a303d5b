import type { TransportSeen } from "../seen/seen.ts";
import type { Link, Place, World } from "../world.ts";
import { EndReporter } from "./end-reporter.ts";
import { Watcher } from "./watcher.ts";

const offersRemembered = 16;

/** The host of one session: takes each offer once, and reports unless it is of the old kind. */
export class Host {
  readonly #world: World;
  readonly #place: Place;
  readonly #link: Link;
  readonly #watcher: Watcher;
  #reporter: EndReporter | undefined;
  #offered: readonly string[] = [];
  #runs = 0;

  constructor(world: World, place: Place) {
    this.#world = world;
    this.#place = place;
    this.#link = world.network.link(`host of ${place.sessionId}`);
    this.#watcher = new Watcher(world, this.#link, {
      sessions: { kind: "named", ids: [place.sessionId] },
      reader: "host",
      isSlow: false,
      onState: (_, state) => this.#take(state),
      onGone: (_, reason) => {
        if (reason !== "unknown") this.#reporter?.closeAll();
      },
    });
  }

  start(): void {
    this.#runs += 1;
    this.#offered = [];
    this.#reporter = new EndReporter(this.#world, this.#link, {
      end: "host",
      sessionId: this.#place.sessionId,
      reporterId: `host-${this.#runs}`,
      onUnknown: () => undefined,
    });
    this.#watcher.start();
    if (this.#place.hostSpeaks) this.#reporter.start();
    else this.#reporter.silence();
  }

  kill(): void {
    this.#watcher.stop();
    this.#reporter?.die();
  }

  calmDown(): void {
    this.#reporter?.calmDown();
  }

  #take(state: TransportSeen): void {
    const { negotiation } = state;
    if (negotiation !== undefined && !this.#offered.includes(negotiation.handshakeId)) {
      this.#offered = [...this.#offered, negotiation.handshakeId].slice(-offersRemembered);
      this.#reporter?.answer(negotiation.handshakeId);
    }
    this.#reporter?.know(state, true);
  }
}
