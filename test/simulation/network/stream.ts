import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { WatchMessage, WatchSelection } from "../../../src/service/lease-service.ts";
import { seeTransport } from "../seen/seen.ts";
import type { Message, Received } from "../seen/sight.ts";
import { type Inside, sayingOf } from "../service/simulated-service.ts";
import type { OpenStream } from "../world.ts";
import type { Network, SimulatedLink } from "./network.ts";

export interface StreamOptions {
  readonly selection: WatchSelection;
  /** How long the reader takes for a message; zero for one that is always ready. */
  readonly paceMs: () => DurationMs;
  readonly isFast: boolean;
  readonly onMessage: (message: Message) => void;
  readonly onEnd: () => void;
}

/**
 * A watch stream over the network: in order, and kept back while the link is cut. A message is
 * taken from the service only when its reader is ready for it.
 */
export class Stream implements OpenStream {
  readonly #network: Network;
  readonly #link: SimulatedLink;
  readonly #options: StreamOptions;
  readonly #stop = new AbortController();
  readonly #number: number;
  #lastArrival: EpochMs = 0;
  #isOver = false;
  /** Messages that the service sent and that have not arrived. */
  #onTheirWay = 0;
  #onOver: () => void = () => undefined;

  constructor(network: Network, link: SimulatedLink, options: StreamOptions) {
    this.#network = network;
    this.#link = link;
    this.#options = options;
    this.#number = network.nextStream();
  }

  open(onOver: () => void): void {
    const { service } = this.#network.parts;
    this.#onOver = onOver;
    const refused = (): void => this.#deliver(() => this.#end());
    this.#deliver(() => {
      // A process that went meanwhile took the connection with it: the next one is not asked.
      if (this.#stop.signal.aborted) return;
      service.enter((inside) => void this.#pump(inside), refused);
    });
  }

  /** The reader gives the stream up. */
  close(): void {
    if (this.#isOver) return;
    const { timeline, service } = this.#network.parts;
    this.#isOver = true;
    this.#onOver();
    this.#noteClosing();
    const leave = (): void => this.#stop.abort("the reader left");
    timeline.after(this.#network.delay(), () => service.enter(leave, leave));
  }

  /** The service's end is gone; the reader hears of it when the network lets it. */
  break(): void {
    this.#stop.abort("the service went");
    this.#deliver(() => this.#end());
  }

  async #pump(inside: Inside): Promise<void> {
    const { timeline, history, service } = this.#network.parts;
    const { selection, paceMs } = this.#options;
    this.#noteOpening(inside);
    const messages = inside.service.watch(selection, this.#stop.signal)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const readySince = timeline.now;
        const next = await messages.next();
        if (this.#stop.signal.aborted) return;
        if (next.done === true) return this.#deliver(() => this.#end());
        const received = this.#toReceived(next.value, inside, readySince);
        this.#onTheirWay += 1;
        this.#deliver(() => this.#take(received));
        const pause = paceMs();
        if (pause === 0) continue;
        await timeline.sleep(pause);
        await new Promise<void>((resolve) => service.enter(() => resolve(), resolve));
        if (this.#stop.signal.aborted) return;
      }
    } catch (error) {
      if (error instanceof Error && error.name === "StoreUnavailable") {
        return this.#deliver(() => this.#end());
      }
      history.bug("watch", error);
    }
  }

  #noteOpening(inside: Inside): void {
    const { history } = this.#network.parts;
    const { sessions, knownVersions: known } = this.#options.selection;
    history.see({
      kind: "opened",
      ...history.stamp(sayingOf(inside)),
      stream: this.#number,
      by: this.#link.by,
      sessionIds: sessions.kind === "named" ? sessions.ids : undefined,
      known,
      isFast: this.#options.isFast,
    });
  }

  #toReceived(message: WatchMessage, inside: Inside, readySince: EpochMs): Received {
    const { history } = this.#network.parts;
    return {
      kind: "received",
      ...history.stamp(sayingOf(inside)),
      stream: this.#number,
      by: this.#link.by,
      readySince,
      message: seeMessage(message, inside.service.now()),
    };
  }

  #take(received: Received): void {
    this.#onTheirWay -= 1;
    this.#network.parts.history.see(received);
    this.#options.onMessage(received.message);
  }

  #end(): void {
    this.#isOver = true;
    this.#onOver();
    this.#noteClosing();
    this.#options.onEnd();
  }

  #noteClosing(): void {
    const { timeline, history } = this.#network.parts;
    const isMoreOnItsWay = this.#onTheirWay > 0;
    history.note({ kind: "closed", at: timeline.now, stream: this.#number, isMoreOnItsWay });
  }

  #deliver(arrive: () => void): void {
    const { timeline } = this.#network.parts;
    const moment = Math.max(timeline.now, this.#link.cutUntil) + this.#network.delay();
    this.#lastArrival = Math.max(this.#lastArrival, moment);
    timeline.at(this.#lastArrival, () => {
      if (!this.#isOver) arrive();
    });
  }
}

function seeMessage(message: WatchMessage, now: EpochMs): Message {
  switch (message.kind) {
    case "state": {
      const { session, coalesced } = message;
      const state = seeTransport(session, now);
      return { kind: "state", sessionId: session.id, state, coalesced };
    }
    case "gone":
    case "bookmark":
      return message;
    case "draining":
      return { kind: "draining" };
    case "bearer_expiring":
      throw new Error("clients of the simulation have no bearer");
  }
}
