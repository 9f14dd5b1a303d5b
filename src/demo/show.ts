import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import {
  ControllerLease,
  RenegotiationReason,
} from "../gen/beach/controller/v1/controller_lease_pb.js";
import { actionsPerSecond, type Beach, type HostProcess, startBeach } from "./beach/beach.ts";
import type { AppliedCounters } from "./beach/messages.ts";
import { type DeedName, deedNames, deeds, hostAwayMs, silenceMs } from "./deeds.ts";
import { introduction } from "./legend.ts";
import { type Replicas, startReplicas } from "./replicas/replicas.ts";
import { startService } from "./replicas/service-process.ts";
import { eventLine, headLine, SessionLine } from "./session-line.ts";

/** A beach that runs for show. Disposing it ends every process of it. */
export interface Demo extends AsyncDisposable {
  /** Prints what the last second brought. */
  tick(): Promise<void>;
  /** Does something to the chosen session; says so when it cannot be done, and never rejects. */
  perform(deed: DeedName): Promise<void>;
  /** Kills a replica of the service, the next one in turn; says so when there are none. */
  killReplica(): Promise<void>;
  press(key: string): void;
  /** Resolves with the name of a process that ended though nobody asked it to. */
  readonly broken: Promise<string>;
}

type Print = (line: string) => void;

const sessionIds = ["pong-left", "pong-right"] as const;
const renewEveryMs = 2_000;
/** How long a deed that is done at once keeps a second one away: until its effect is shown. */
const effectShownMs = 1_000;
const headEveryTicks = 10;

/**
 * Starts everything, or rejects and leaves nothing behind; so it does when the signal aborts.
 *
 * @param replicas how many processes of the service share a Redis; 0: one process without
 */
export async function openDemo(print: Print, signal: AbortSignal, replicas = 0): Promise<Demo> {
  const stack = new AsyncDisposableStack();
  try {
    return await assemble(stack, { print, signal, count: replicas });
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

interface Stage {
  readonly print: Print;
  readonly signal: AbortSignal;
  readonly count: number;
}

async function assemble(
  stack: AsyncDisposableStack,
  { print, signal, count }: Stage,
): Promise<Demo> {
  print("starting the service, a manager, 2 hosts and 3 tiles");
  const replicas = count === 0 ? undefined : stack.use(await startReplicas(count, print));
  const service = replicas ?? stack.use(await startService());
  signal.throwIfAborted();
  const { grpc, http } = service;
  print(
    `service: grpc ${grpc}, http ${http}, ops ${"ops" in service ? service.ops : "at each replica"}`,
  );
  const grpcUrl = `http://${service.grpc}`;
  const beach = stack.use(
    await startBeach(
      {
        grpcUrl,
        httpUrl: `http://${service.http}`,
        hosts: [
          { sessionIds: [sessionIds[0]], door: "grpc" },
          { sessionIds: [sessionIds[1]], door: "connect" },
        ],
      },
      signal,
    ),
  );
  signal.throwIfAborted();
  print(`manager: ${beach.managerUrl}`);
  print(introduction(actionsPerSecond, renewEveryMs));
  const sessionManager = new Http2SessionManager(grpcUrl);
  stack.defer(() => sessionManager.abort());
  const leases = createClient(
    ControllerLease,
    createGrpcTransport({ baseUrl: grpcUrl, sessionManager }),
  );
  const show = new Show(beach, print, (sessionId) =>
    leases.renegotiate({ sessionId, reason: RenegotiationReason.OPERATOR }),
  );
  stack.defer(() => show.end());
  return {
    async tick() {
      await show.tick();
      if (replicas !== undefined) print(`        ${await replicas.describe()}`);
    },
    perform: (deed) => show.perform(deed),
    killReplica: () => killReplica(replicas, print),
    press: (key) => (key === "x" ? void killReplica(replicas, print) : show.press(key)),
    broken: Promise.race([
      ...("exited" in service ? [service.exited.then(() => "the service")] : []),
      beach.manager.exited.then(() => "the manager"),
    ]),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function killReplica(replicas: Replicas | undefined, print: Print): Promise<void> {
  if (replicas === undefined) return print("  ->  ignored: there are no replicas; see --replicas");
  try {
    await replicas.kill();
  } catch (error) {
    const [why] = String(error).split("\n");
    print(`  ->  that did not work: ${why}`);
  }
}

class Show {
  readonly #beach: Beach;
  readonly #print: Print;
  readonly #renegotiate: (sessionId: string) => Promise<unknown>;
  readonly #lines: readonly [SessionLine, SessionLine];
  readonly #ended = new AbortController();
  /** What goes on, by session and the part of it that is worked on. */
  readonly #underWay = new Map<string, string>();
  #chosen: 0 | 1 = 0;
  #seconds = 0;

  constructor(beach: Beach, print: Print, renegotiate: (sessionId: string) => Promise<unknown>) {
    this.#beach = beach;
    this.#print = print;
    this.#renegotiate = renegotiate;
    this.#lines = [new SessionLine(sessionIds[0]), new SessionLine(sessionIds[1])];
    for (const [index, line] of this.#lines.entries()) {
      const tile = { sessionId: line.sessionId, reason: `tile-${index + 1}`, renewEveryMs };
      beach.startTile(tile).onEvent((event) => line.tileReported(event));
    }
    const [, right] = this.#lines;
    beach.startOldTile(right.sessionId, renewEveryMs).onEvent(() => right.oldTileRenewed());
    beach.manager.onEvent((event) => {
      for (const line of this.#lines) {
        const news = line.managerReported(event);
        if (news !== undefined) this.#say(news, line.sessionId);
      }
    });
  }

  end(): void {
    this.#ended.abort();
  }

  async tick(): Promise<void> {
    this.#seconds += 1;
    const second = this.#seconds;
    const counters = await Promise.all(this.#lines.map((_, index) => this.#counters(index)));
    if (this.#ended.signal.aborted) return;
    if (second % headEveryTicks === 1) this.#print(headLine());
    for (const [index, line] of this.#lines.entries()) {
      const { sessionId } = line;
      // The wait for the first fast path is not a gap.
      if (line.isFirstOnFastPath()) {
        void this.#beach.hosts[index]?.ask({ kind: "mark", sessionId }).catch(() => undefined);
      }
      this.#print(line.render(second, counters[index]));
    }
  }

  press(key: string): void {
    if (key === "1" || key === "2") this.#choose(key === "1" ? 0 : 1);
    const deed = deedNames.find((name) => deeds[name].key === key);
    if (deed !== undefined) void this.perform(deed);
  }

  async perform(deed: DeedName): Promise<void> {
    const index = this.#chosen;
    const { sessionId } = this.#lines[index];
    const { part, says, during } = deeds[deed];
    const place = `${sessionId} ${part}`;
    const hindrance = this.#underWay.get(place) ?? this.#missing(deed, index);
    if (hindrance !== undefined) return this.#say(`ignored: ${hindrance}`, sessionId);
    this.#underWay.set(place, during);
    this.#say(says, sessionId);
    try {
      await this.#carryOut(deed, index);
    } catch (error) {
      const [why] = String(error).split("\n");
      this.#say(`that did not work: ${why}`, sessionId);
    } finally {
      this.#underWay.delete(place);
    }
  }

  #choose(index: 0 | 1): void {
    this.#chosen = index;
    this.#say("the keys are for this session now", this.#lines[index].sessionId);
  }

  /** What happens while everything is being stopped is no news. */
  #say(text: string, sessionId: string): void {
    if (!this.#ended.signal.aborted) this.#print(eventLine(sessionId, text));
  }

  #missing(deed: DeedName, index: 0 | 1): string | undefined {
    const needsFastPath = deed === "close" || deed === "channel";
    return needsFastPath && !this.#lines[index].isOnFastPath
      ? "it has no fast path that could be closed"
      : undefined;
  }

  async #carryOut(deed: DeedName, index: 0 | 1): Promise<void> {
    const { sessionId } = this.#lines[index];
    switch (deed) {
      case "close":
      case "channel":
        await this.#beach.manager.ask({ kind: "kill", sessionId, death: deed });
        await this.#pause(effectShownMs);
        return;
      case "replace":
        await this.#renegotiate(sessionId);
        await this.#pause(effectShownMs);
        return;
      case "host":
        return await this.#killHost(index);
      case "silence":
        return await this.#silenceHost(index);
    }
  }

  async #killHost(index: number): Promise<void> {
    const host = this.#beach.hosts[index];
    host?.signal("SIGKILL");
    await host?.exited;
    if (await this.#pause(hostAwayMs)) await this.#beach.restartHost(index);
  }

  async #silenceHost(index: number): Promise<void> {
    const host = this.#beach.hosts[index];
    host?.signal("SIGSTOP");
    await this.#pause(silenceMs);
    host?.signal("SIGCONT");
  }

  /** False when the show ended meanwhile. */
  async #pause(durationMs: number): Promise<boolean> {
    const { signal } = this.#ended;
    await delay(durationMs, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  /** Undefined while the host does not answer, as when it was killed or stopped. */
  async #counters(index: number): Promise<AppliedCounters | undefined> {
    const host: HostProcess | undefined = this.#beach.hosts[index];
    const sessionId = sessionIds[index];
    if (host === undefined || sessionId === undefined) return undefined;
    const asked = host.ask<AppliedCounters>({ kind: "counters", sessionId });
    return await Promise.race([asked, delay(200, undefined)]).catch(() => undefined);
  }
}
