import type { ConnectionState, End } from "../../../src/core/session.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Random } from "../../support/runs/random.ts";
import type { FaultName } from "../faults/fault.ts";
import type { Time } from "../world.ts";

export const channelLabels = ["mgr-actions", "mgr-acks", "mgr-state"] as const;

interface PeerParts {
  readonly timeline: Time;
  readonly random: Random;
  readonly draw: (fault: FaultName, share?: number) => boolean;
}

/** One end's peer connection, as that end sees it: the truth that reports are made of. */
export class PeerEnd {
  readonly transportId: string;
  readonly #onChange: () => void;
  connection: ConnectionState = "connecting";
  ready: readonly string[] = [];
  opening: readonly string[] = channelLabels;
  /** Since when an action waits for its acknowledgement. */
  unackedSince: EpochMs | undefined;
  #isGone = false;

  constructor(transportId: string, onChange: () => void) {
    this.transportId = transportId;
    this.#onChange = onChange;
  }

  get isUp(): boolean {
    return !this.#isGone && this.connection === "connected";
  }

  get isWaiting(): boolean {
    return !this.#isGone && this.connection === "connecting";
  }

  /** Something about it is no longer as it was; in a process that is gone nobody notices. */
  become(change: Partial<Pick<PeerEnd, "connection" | "ready" | "opening">>): void {
    if (this.#isGone) return;
    Object.assign(this, change);
    this.#onChange();
  }

  vanish(): void {
    this.#isGone = true;
  }
}

/** The two ends of one handshake, and what happens between them. */
class PeerLink {
  readonly ends: Partial<Record<End, PeerEnd>> = {};
}

/** All peer connections there are. Nothing in here knows of the service. */
export class PeerNetwork {
  readonly #parts: PeerParts;
  readonly #links = new Map<string, PeerLink>();
  #connections = 0;

  constructor(parts: PeerParts) {
    this.#parts = parts;
  }

  /** An end builds a connection for a handshake; it comes up once the other end is there too. */
  join(handshakeId: string, end: End, onChange: () => void): PeerEnd {
    const link = this.#links.get(handshakeId) ?? new PeerLink();
    this.#links.set(handshakeId, link);
    this.#connections += 1;
    const joined = new PeerEnd(`${end}-connection-${this.#connections}`, onChange);
    link.ends[end] = joined;
    const other = link.ends[otherOf(end)];
    if (other?.isWaiting === true) this.#connect(joined, other);
    return joined;
  }

  /** An end closes its connection, which reaches the other end at once. */
  close(handshakeId: string, end: End): void {
    const link = this.#links.get(handshakeId);
    const closed = link?.ends[end];
    if (link === undefined || closed === undefined) return;
    delete link.ends[end];
    closed.vanish();
    const other = link.ends[otherOf(end)];
    other?.become({ connection: "closed", ready: [], opening: [] });
  }

  /** An end's process is killed: the other end notices nothing for a long time. */
  kill(handshakeId: string, end: End): void {
    const { timeline, random } = this.#parts;
    const link = this.#links.get(handshakeId);
    const killed = link?.ends[end];
    if (link === undefined || killed === undefined) return;
    delete link.ends[end];
    killed.vanish();
    const other = link.ends[otherOf(end)];
    if (other === undefined || other.isWaiting) return;
    other.unackedSince = timeline.now;
    timeline.after(random.between(13_000, 29_000), () => {
      other.become({ connection: "failed", ready: [], opening: [] });
    });
  }

  /** Connections that are up at both ends, by handshake. */
  get up(): readonly string[] {
    return [...this.#links]
      .filter(([, { ends }]) => ends.manager?.isUp === true && ends.host?.isUp === true)
      .map(([id]) => id);
  }

  /** Packets stop for a while, as when a laptop changes networks. */
  interrupt(handshakeId: string, duration: DurationMs): void {
    for (const end of this.#both(handshakeId)) {
      end.become({ connection: "disconnected" });
      this.#parts.timeline.after(duration, () => {
        if (end.connection === "disconnected") end.become({ connection: "connected" });
      });
    }
  }

  /** The whole connection ends. */
  fail(handshakeId: string): void {
    for (const end of this.#both(handshakeId)) {
      end.become({ connection: "failed", ready: [], opening: [] });
    }
  }

  closeChannel(handshakeId: string, label: string): void {
    for (const end of this.#both(handshakeId)) {
      end.become({ ready: end.ready.filter((ready) => ready !== label) });
    }
  }

  /** Acknowledgements stay away for a while, and then all come. */
  holdAcks(handshakeId: string, duration: DurationMs): void {
    const { timeline } = this.#parts;
    for (const end of this.#both(handshakeId)) {
      end.unackedSince = timeline.now;
      timeline.after(duration, () => {
        end.unackedSince = undefined;
      });
    }
  }

  /** Acknowledgements that were held come at once. */
  calmDown(): void {
    for (const handshakeId of this.up) {
      for (const end of this.#both(handshakeId)) end.unackedSince = undefined;
    }
  }

  /** Readiness never shows: of the channels beside the actions, or of all of them at one end. */
  #lame(a: PeerEnd, b: PeerEnd): void {
    const { random } = this.#parts;
    if (random.chance(0.6)) random.pick([a, b]).become({ ready: [], opening: channelLabels });
  }

  #both(handshakeId: string): readonly PeerEnd[] {
    const { manager, host } = this.#links.get(handshakeId)?.ends ?? {};
    return manager?.isUp === true && host?.isUp === true ? [manager, host] : [];
  }

  #connect(a: PeerEnd, b: PeerEnd): void {
    const { timeline, random, draw } = this.#parts;
    if (draw("negotiation fails", 2.5)) return;
    const isSlow = draw("negotiation slow");
    const isLame = draw("negotiation lame");
    const takesMs = isSlow ? random.between(14_000, 40_000) : random.between(50, 6_200);
    timeline.after(takesMs, () => {
      if (!a.isWaiting || !b.isWaiting) return;
      for (const end of [a, b]) {
        end.become({
          connection: "connected",
          ready: channelLabels.slice(0, 1),
          opening: channelLabels.slice(1),
        });
      }
      if (isLame) return this.#lame(a, b);
      timeline.after(random.between(1, 400), () => {
        for (const end of [a, b]) {
          if (end.connection === "connected" && end.ready.length > 0) {
            end.become({ ready: channelLabels, opening: [] });
          }
        }
      });
    });
  }
}

function otherOf(end: End): End {
  return end === "manager" ? "host" : "manager";
}
