import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { WatchSelection } from "../../../src/service/lease-service.ts";
import type { TransportSeen } from "../seen/seen.ts";
import type { Message } from "../seen/sight.ts";
import type { Link, OpenStream, World } from "../world.ts";

interface WatcherOptions {
  readonly sessions: WatchSelection["sessions"];
  readonly reader: WatchSelection["reader"];
  /** A reader that now and then takes its time. */
  readonly isSlow: boolean;
  readonly onState: (sessionId: string, state: TransportSeen) => void;
  readonly onGone: (sessionId: string, reason: string) => void;
}

const reconnectMs: DurationMs = 300;
/** A stream that has been silent for longer than it promised is given up. */
const silenceMsMax: DurationMs = 25_000;

/** Reads transport truth, and comes back with what it knows when a stream ends. */
export class Watcher {
  readonly #world: World;
  readonly #link: Link;
  readonly #options: WatcherOptions;
  readonly #known = new Map<string, number>();
  #stream: OpenStream | undefined;
  #receivedAt: EpochMs = 0;
  #isStopped = false;

  constructor(world: World, link: Link, options: WatcherOptions) {
    this.#world = world;
    this.#link = link;
    this.#options = options;
  }

  start(): void {
    this.#isStopped = false;
    this.#open();
    this.#world.live(`${this.#link.by} watching`, () => this.#giveUpSilence());
  }

  /** The reader's process ends; a later start knows nothing. */
  stop(): void {
    this.#isStopped = true;
    this.#known.clear();
    this.#stream?.close();
    this.#stream = undefined;
  }

  #open(): void {
    const { sessions, reader, isSlow } = this.#options;
    this.#receivedAt = this.#world.timeline.now;
    const stream: OpenStream = this.#link.watch({
      selection: { sessions, reader, knownVersions: new Map(this.#known) },
      isFast: !isSlow,
      paceMs: () => (isSlow ? this.#pause() : 0),
      onMessage: (message) => this.#take(message),
      onEnd: () => {
        if (this.#stream === stream) this.#reconnect();
      },
    });
    this.#stream = stream;
  }

  #pause(): DurationMs {
    return this.#world.draw("slow reader", 2) ? this.#world.random.between(1_000, 12_000) : 5;
  }

  #take(message: Message): void {
    this.#receivedAt = this.#world.timeline.now;
    if (message.kind === "state") {
      this.#known.set(message.sessionId, message.state.version);
      this.#options.onState(message.sessionId, message.state);
    } else if (message.kind === "gone") {
      this.#known.delete(message.sessionId);
      this.#options.onGone(message.sessionId, message.reason);
    }
  }

  #reconnect(): void {
    if (this.#isStopped) return;
    this.#stream = undefined;
    this.#world.timeline.after(reconnectMs, () => {
      if (!this.#isStopped && this.#stream === undefined) this.#open();
    });
  }

  async #giveUpSilence(): Promise<void> {
    const { timeline } = this.#world;
    while (!this.#isStopped) {
      await timeline.sleep(5_000);
      if (this.#stream === undefined || timeline.now - this.#receivedAt < silenceMsMax) continue;
      this.#stream.close();
      this.#reconnect();
    }
  }
}
