import type { Command } from "../../../src/core/command.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { LeaseService, Outcome } from "../../../src/service/lease-service.ts";
import type { Random } from "../../support/runs/random.ts";
import type { FaultName, FaultPlan } from "../faults/fault.ts";
import { type Answer, type Ask, toAnswer, toCommand } from "../seen/ask.ts";
import type { History } from "../seen/history.ts";
import type { Answered } from "../seen/sight.ts";
import { type Inside, type SimulatedService, sayingOf } from "../service/simulated-service.ts";
import type { Timeline } from "../timeline.ts";
import type { Link, Links } from "../world.ts";
import { Stream, type StreamOptions } from "./stream.ts";

export interface NetworkParts {
  readonly timeline: Timeline;
  readonly history: History;
  readonly service: SimulatedService;
  readonly plan: FaultPlan;
  readonly random: Random;
  readonly count: (fault: FaultName) => void;
}

/** How long a client waits for an answer. */
const callTimeoutMs: DurationMs = 5_000;

/** Everything between the clients and the service. */
export class Network implements Links {
  readonly parts: NetworkParts;
  readonly #links: SimulatedLink[] = [];
  #isCalm = false;
  #askId = 0;
  #streams = 0;

  constructor(parts: NetworkParts) {
    this.parts = parts;
  }

  get links(): readonly SimulatedLink[] {
    return this.#links;
  }

  /** A client's own way to the service. */
  link(by: string): SimulatedLink {
    const link = new SimulatedLink(this, by);
    this.#links.push(link);
    return link;
  }

  nextAskId(): number {
    this.#askId += 1;
    return this.#askId;
  }

  nextStream(): number {
    this.#streams += 1;
    return this.#streams;
  }

  calmDown(): void {
    this.#isCalm = true;
    for (const link of this.#links) link.heal();
  }

  /** The service's process is gone: its sockets are closed by the machine it ran on. */
  breakStreams(): void {
    for (const link of this.#links) link.breakStreams();
  }

  draw(name: FaultName, share = 1): boolean {
    const rate = this.parts.plan.get(name);
    if (this.#isCalm || rate === undefined || !this.parts.random.chance(rate * share)) return false;
    this.parts.count(name);
    return true;
  }

  /** How long one message takes. */
  delay(): DurationMs {
    const { random } = this.parts;
    if (this.draw("message delayed")) return random.between(200, 3_000);
    if (this.draw("message reordered")) return random.between(20, 400);
    return random.between(1, 12);
  }
}

/** One client's connection: it can be cut, and heals. */
export class SimulatedLink implements Link {
  readonly by: string;
  readonly #network: Network;
  readonly #streams = new Set<Stream>();
  #cutUntil: EpochMs = 0;

  constructor(network: Network, by: string) {
    this.#network = network;
    this.by = by;
  }

  /** Nothing comes through for a while, in either direction. */
  cut(duration: DurationMs): void {
    this.#cutUntil = this.#network.parts.timeline.now + duration;
  }

  heal(): void {
    this.#cutUntil = 0;
  }

  get cutUntil(): EpochMs {
    return this.#cutUntil;
  }

  /** Resolves with what was answered, or undefined when nothing came in time. */
  ask(sessionId: string, ask: Ask): Promise<Answer | undefined> {
    const { timeline, history, plan } = this.#network.parts;
    const askId = this.#network.nextAskId();
    const sentAt = timeline.now;
    const mayComeAgain = plan.has("message duplicated");
    history.note({ kind: "asked", at: sentAt, askId, by: this.by, sessionId, ask, mayComeAgain });
    return new Promise((resolve) => {
      const deliver = (): void => {
        const serve = (inside: Inside): void => {
          const reply = (answer: Answer): void => {
            const stamp = history.stamp(sayingOf(inside));
            this.#carry(() => {
              see({ kind: "answered", ...stamp, ...asked, answer });
            });
          };
          this.#serve(inside, sessionId, ask, reply);
        };
        this.#network.parts.service.enter(serve, () => this.#carry(() => resolve(undefined)));
      };
      const asked = { askId, by: this.by, sessionId, ask, sentAt };
      let isAnswered = false;
      const see = (answered: Answered): void => {
        if (isAnswered) return;
        isAnswered = true;
        history.see(answered);
        resolve(answered.answer);
      };
      this.#carry(deliver);
      timeline.after(callTimeoutMs, () => {
        isAnswered = true;
        resolve(undefined);
      });
    });
  }

  /** Opens a stream; it ends by itself when the service goes, or when `close` is called. */
  watch(options: StreamOptions): Stream {
    const stream = new Stream(this.#network, this, options);
    this.#streams.add(stream);
    stream.open(() => this.#streams.delete(stream));
    return stream;
  }

  breakStreams(): void {
    for (const stream of this.#streams) stream.break();
  }

  #serve(inside: Inside, sessionId: string, ask: Ask, reply: (answer: Answer) => void): void {
    const { history } = this.#network.parts;
    const { service, wallNow } = inside;
    const answered = (outcome: Outcome<Command>): void =>
      reply(toAnswer(ask, outcome, service, wallNow()));
    try {
      const command = toCommand(ask, service);
      const renewed = renewedNow(service, sessionId, command);
      if (renewed !== undefined) {
        answered(renewed);
        return;
      }
      const outcome = service.execute(sessionId, command);
      outcome.then(answered).catch((error: unknown) => history.bug(ask.kind, error));
    } catch (error) {
      history.bug(ask.kind, error);
    }
  }

  /** A message goes over, perhaps late, perhaps twice, perhaps never. */
  #carry(arrive: () => void): void {
    const network = this.#network;
    const { timeline } = network.parts;
    if (timeline.now < this.#cutUntil || network.draw("message lost")) return;
    timeline.after(network.delay(), arrive);
    if (network.draw("message duplicated")) timeline.after(network.delay() * 3, arrive);
  }
}

/** As every door does: only what has to wait is waited for. */
function renewedNow(
  service: LeaseService,
  sessionId: string,
  command: Command,
): Outcome<Command> | undefined {
  if (command.kind !== "Renew") return undefined;
  using turn = service.renewalTurn(() => undefined);
  return turn.renew(sessionId, command);
}
