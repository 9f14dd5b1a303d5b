import type { Report } from "../../../src/core/command.ts";
import type { End } from "../../../src/core/session.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { PeerEnd } from "../network/peer-link.ts";
import type { Answer } from "../seen/ask.ts";
import type { TransportSeen } from "../seen/seen.ts";
import type { Link, World } from "../world.ts";

const everyMs: DurationMs = 1_000;

interface ReporterOptions {
  readonly end: End;
  readonly sessionId: string;
  /** One run of a reporting process has one. */
  readonly reporterId: string;
  /** The service does not know the session. */
  readonly onUnknown: () => void;
}

type Words = Pick<
  Report,
  "transportId" | "connection" | "readyChannels" | "openingChannels" | "oldestUnackedMs"
>;

/**
 * One end's word on one session: whole, numbered, each second and on every change. Closes a
 * connection when a verdict says that its handshake is retired, and on nothing else.
 */
export class EndReporter {
  readonly #world: World;
  readonly #link: Link;
  readonly #options: ReporterOptions;
  readonly #held = new Map<string, PeerEnd>();
  readonly #generations = new Map<string, number>();
  /** What is over, and held all the same. */
  readonly #kept = new Set<string>();
  /** The promoted handshake, when this process holds no connection for it. */
  #missing: string | undefined;
  #sequence = 0;
  #isStopped = false;
  #muteUntil: EpochMs = 0;

  constructor(world: World, link: Link, options: ReporterOptions) {
    this.#world = world;
    this.#link = link;
    this.#options = options;
  }

  start(): void {
    this.#world.live(`${this.#link.by} reporting`, async () => {
      while (!this.#isStopped) {
        this.#reportAll();
        await this.#world.timeline.sleep(everyMs);
      }
    });
  }

  /** An end of the old kind: it builds connections and says nothing. */
  silence(): void {
    this.#muteUntil = Number.POSITIVE_INFINITY;
  }

  /** An end that has fallen mute speaks again; one of the old kind never does. */
  calmDown(): void {
    if (Number.isFinite(this.#muteUntil)) this.#muteUntil = 0;
  }

  /** The process dies: the other ends of its connections notice nothing for a while. */
  die(): void {
    this.#isStopped = true;
    for (const id of this.#held.keys()) this.#world.peers.kill(id, this.#options.end);
    this.#held.clear();
  }

  /** The session is over: its connections are closed. */
  closeAll(): void {
    for (const id of [...this.#held.keys()]) this.#letGo(id);
  }

  holds(handshakeId: string): boolean {
    return this.#held.has(handshakeId);
  }

  /** Builds a connection for an offer. */
  answer(handshakeId: string): void {
    if (this.#held.has(handshakeId)) return;
    const { end } = this.#options;
    const onChange = (): void => this.#report(handshakeId);
    this.#held.set(handshakeId, this.#world.peers.join(handshakeId, end, onChange));
    if (this.#missing === handshakeId) this.#missing = undefined;
    this.#report(handshakeId);
  }

  /** Takes note of what is promoted; `serves`: this process should hold a connection for it. */
  know({ handshakeId, generation }: TransportSeen, serves: boolean): void {
    if (handshakeId === undefined) return;
    this.#note(handshakeId, generation);
    const misses = serves && !this.#held.has(handshakeId);
    if (misses && this.#missing !== handshakeId) {
      this.#missing = handshakeId;
      this.#say(handshakeId, none);
    } else if (!misses) {
      this.#missing = undefined;
    }
  }

  /** An end forgets no generation under which it was served. */
  #note(handshakeId: string, generation: number): void {
    const known = this.#generations.get(handshakeId) ?? 0;
    this.#generations.set(handshakeId, Math.max(known, generation));
  }

  #reportAll(): void {
    const { timeline, random, draw } = this.#world;
    if (draw("end mute", 0.05)) this.#muteUntil = timeline.now + random.between(6_000, 45_000);
    for (const id of this.#held.keys()) this.#report(id);
    if (this.#missing !== undefined) this.#say(this.#missing, none);
  }

  #report(handshakeId: string): void {
    const held = this.#held.get(handshakeId);
    if (held !== undefined) this.#say(handshakeId, this.#observe(held));
  }

  #observe(held: PeerEnd): Words {
    const { timeline } = this.#world;
    const { transportId, connection, ready, opening, unackedSince } = held;
    // Only the manager sends actions that wait for acknowledgements.
    const waits = unackedSince !== undefined && this.#options.end === "manager";
    return {
      transportId,
      connection,
      readyChannels: ready,
      openingChannels: opening,
      oldestUnackedMs: waits ? timeline.now - unackedSince : 0,
    };
  }

  #say(handshakeId: string, words: Words): void {
    const { timeline, random, draw } = this.#world;
    if (this.#isStopped || timeline.now < this.#muteUntil) return;
    const ageMs = draw("report late", 0.2) ? random.between(500, 25_000) : 0;
    const send = (): void => {
      if (!this.#isStopped) this.#send(handshakeId, words, ageMs);
    };
    if (ageMs === 0) send();
    else timeline.after(ageMs, send);
  }

  #send(handshakeId: string, words: Words, observedAgeMs: DurationMs): void {
    const { end, sessionId, reporterId } = this.#options;
    this.#sequence += 1;
    const report: Report = {
      kind: "Report",
      end,
      handshakeId,
      ...words,
      reporterId,
      sequence: this.#world.draw("report repeated") ? this.#sequence - 1 : this.#sequence,
      observedAgeMs,
      generation: this.#generations.get(handshakeId) ?? 0,
    };
    void this.#link.ask(sessionId, report).then((answer) => this.#heed(report, answer));
  }

  #heed(report: Report, answer: Answer | undefined): void {
    if (answer === undefined || this.#isStopped) return;
    const { handshakeId } = report;
    const standing = answer.kind === "done" ? answer.verdict?.standing : answer.standing;
    if (standing === "retired") {
      this.#letGo(handshakeId);
      if (this.#missing === handshakeId) this.#missing = undefined;
    }
    if (answer.kind === "refused") {
      if (answer.refusal.reason === "SESSION_UNKNOWN") this.#options.onUnknown();
      return;
    }
    if (answer.verdict?.standing === "promoted") {
      this.#note(handshakeId, answer.verdict.generation);
    } else if (report.transportId === "") {
      this.#missing = undefined;
    }
    // A connection that has ended is reported until a report arrives, and then dropped.
    if (report.connection === "closed" || report.connection === "failed") {
      const held = this.#held.get(handshakeId);
      if (held?.transportId === report.transportId) this.#close(handshakeId);
    }
  }

  /** Closes what has ended, as the verdicts say; or never does. */
  #letGo(handshakeId: string): void {
    if (this.#kept.has(handshakeId) || this.#world.draw("retired kept")) {
      this.#kept.add(handshakeId);
    } else {
      this.#close(handshakeId);
    }
  }

  #close(handshakeId: string): void {
    if (!this.#held.delete(handshakeId)) return;
    this.#world.peers.close(handshakeId, this.#options.end);
  }
}

/** This process holds no connection for the handshake. */
const none: Words = {
  transportId: "",
  connection: "closed",
  readyChannels: [],
  openingChannels: [],
  oldestUnackedMs: 0,
};
