import { ConnectError } from "@connectrpc/connect";

import type { Policy } from "../../../src/core/policy.ts";
import type { DurationMs } from "../../../src/core/time.ts";
import type { StreamOptions } from "../../simulation/network/stream.ts";
import type { Answer, Ask } from "../../simulation/seen/ask.ts";
import type { History } from "../../simulation/seen/history.ts";
import type { Link, Links, OpenStream } from "../../simulation/world.ts";
import type { Random } from "../../support/runs/random.ts";
import type { ReplicaRun } from "../fleet/replica.ts";
import { LeastTtls } from "../observers/least-ttls.ts";
import { call } from "./call.ts";
import { openReach, type Reach, type Speech } from "./reach.ts";
import { RealStream } from "./real-stream.ts";
import type { RealTime } from "./real-time.ts";
import { refusalOf } from "./refusal-of.ts";
import { seeLeaseOf } from "./seen-over-the-wire.ts";

export interface RealNetworkParts {
  readonly time: RealTime;
  readonly history: History;
  readonly random: Random;
  readonly policy: Policy;
  /** The replicas that a balancer would know of. */
  readonly runs: () => readonly ReplicaRun[];
}

/** How long a client waits for an answer. */
const callTimeoutMs: DurationMs = 5_000;
/** What it takes to find that nobody is there. */
const nobodyMs: DurationMs = 200;
/** How often a call goes to another replica than the one before. */
const elsewhere = 0.2;

/** Everything between the clients and the replicas: sockets, and whom to turn to. */
export class RealNetwork implements Links {
  readonly parts: RealNetworkParts;
  readonly ttls: LeastTtls;
  readonly #streams = new Set<RealStream>();
  readonly #links: RealLink[] = [];
  #askId = 0;
  #streamNumber = 0;

  constructor(parts: RealNetworkParts) {
    this.parts = parts;
    this.ttls = new LeastTtls(parts.policy);
  }

  /** The streams that are open. */
  get streams(): readonly RealStream[] {
    return [...this.#streams].filter(({ isOver }) => !isOver);
  }

  /** @param replica the only one that it leads to; to whichever there is unless told otherwise */
  link(by: string, replica?: number): RealLink {
    const link = new RealLink(this, by, replica);
    this.#links.push(link);
    return link;
  }

  nextAskId(): number {
    this.#askId += 1;
    return this.#askId;
  }

  stream(options: StreamOptions & { readonly by: string }): RealStream {
    this.#streamNumber += 1;
    for (const stream of this.#streams) if (stream.isOver) this.#streams.delete(stream);
    const stream = new RealStream(this.parts, { ...options, number: this.#streamNumber });
    this.#streams.add(stream);
    return stream;
  }

  hangUp(): void {
    for (const link of this.#links) link.hangUp();
  }
}

/** One client's way to whichever replica serves it, or to the one that it is for. */
export class RealLink implements Link {
  readonly by: string;
  readonly #network: RealNetwork;
  readonly #replica: number | undefined;
  readonly #reaches = new Map<ReplicaRun, Reach>();
  #home: ReplicaRun | undefined;

  constructor(network: RealNetwork, by: string, replica: number | undefined) {
    this.#network = network;
    this.by = by;
    this.#replica = replica;
  }

  async ask(sessionId: string, ask: Ask): Promise<Answer | undefined> {
    return this.askAt(this.#choose(), sessionId, ask);
  }

  /** Asks one replica, and no other. */
  async askAt(
    run: ReplicaRun | undefined,
    sessionId: string,
    ask: Ask,
  ): Promise<Answer | undefined> {
    const network = this.#network;
    const { time, history } = network.parts;
    const askId = network.nextAskId();
    const sentAt = time.now;
    const asked = { askId, by: this.by, sessionId, ask };
    history.note({ kind: "asked", at: sentAt, ...asked, mayComeAgain: false });
    network.ttls.note(sessionId, ask);
    const answer = run && (await this.#call(run, sessionId, ask));
    if (run === undefined || answer === undefined) return undefined;
    const saying = { run: run.number, serviceNow: time.now, since: sentAt };
    history.see({ kind: "answered", ...history.stamp(saying), ...asked, sentAt, answer });
    return answer;
  }

  watch(options: StreamOptions): OpenStream {
    const stream = this.#network.stream({ by: this.by, ...options });
    const run = this.#choose();
    if (run === undefined) this.#network.parts.time.after(nobodyMs, () => stream.end());
    else void this.#read(stream, run);
    return stream;
  }

  hangUp(): void {
    for (const reach of this.#reaches.values()) reach.close();
  }

  async #read(stream: RealStream, run: ReplicaRun): Promise<void> {
    await stream.read(run.number, this.#reach(run));
    if (!stream.hasSpoken) this.#leave(run);
    if (stream.isDrained && this.#home === run) this.#home = undefined;
  }

  /** Undefined when nobody answered. */
  async #call(run: ReplicaRun, sessionId: string, ask: Ask): Promise<Answer | undefined> {
    const { time, history } = this.#network.parts;
    const { ttls } = this.#network;
    try {
      return await call(ask, {
        clients: this.#reach(run),
        sessionId,
        options: { signal: AbortSignal.timeout(callTimeoutMs) },
        seeLease: (lease, token) => {
          const ttlMs = ttls.of(sessionId, lease, token);
          return seeLeaseOf(lease, { at: time.now, token, ttlMs });
        },
      });
    } catch (error) {
      const refusal = refusalOf(error);
      // A balancer would not send anybody to a replica without its store.
      if (refusal?.reason === "STORE_UNAVAILABLE" && this.#home === run) this.#home = undefined;
      if (refusal !== undefined) return { kind: "refused", refusal };
      if (!(error instanceof ConnectError)) history.bug(`${this.by} ${ask.kind}`, error);
      this.#leave(run);
      return undefined;
    }
  }

  #choose(): ReplicaRun | undefined {
    const { runs, random } = this.#network.parts;
    const known = runs();
    for (const run of this.#reaches.keys()) if (!known.includes(run)) this.#leave(run);
    if (this.#replica !== undefined) return known.find((run) => run.replica === this.#replica);
    if (known.length === 0) return undefined;
    this.#home ??= random.pick(known);
    return random.chance(elsewhere) ? random.pick(known) : this.#home;
  }

  /** Whoever did not answer is turned away from, and met over new connections the next time. */
  #leave(run: ReplicaRun): void {
    this.#reaches.get(run)?.close();
    this.#reaches.delete(run);
    if (this.#home === run) this.#home = undefined;
  }

  #reach(run: ReplicaRun): Reach {
    const known = this.#reaches.get(run);
    if (known !== undefined) return known;
    const reach = openReach(run, speechOf(this.by), this.by.startsWith("host"));
    this.#reaches.set(run, reach);
    return reach;
  }
}

function speechOf(by: string): Speech {
  if (by.startsWith("old tile")) return "gRPC-Web";
  return by.startsWith("tile") || by.startsWith("host") ? "Connect" : "gRPC";
}
