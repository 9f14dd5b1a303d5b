import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import {
  ControllerLease,
  RenegotiationReason,
} from "../gen/beach/controller/v1/controller_lease_pb.js";
import { actionsPerSecond, type Beach, type HostProcess, startBeach } from "./beach/beach.ts";
import type { AppliedCounters } from "./beach/messages.ts";
import { gameSessionId, openCourt } from "./court/court.ts";
import { servePage } from "./court/page-server.ts";
import {
  hostAwayMs,
  type InterventionName,
  interventionNames,
  interventions,
  silenceMs,
} from "./interventions.ts";
import { introduction } from "./legend.ts";
import { type Replicas, startReplicas } from "./replicas/replicas.ts";
import { startService } from "./replicas/service-process.ts";
import { startFakeRoad } from "./road/fake-road.ts";
import { eventLine, headLine, SessionLine } from "./session-line.ts";

/** A beach that runs for show. Disposing it ends every process of it. */
export interface Demo extends AsyncDisposable {
  /** Prints the lines of the last second. */
  tick(): Promise<void>;
  /** Intervenes in the chosen session; prints why if it cannot, and never rejects. */
  perform(intervention: InterventionName): Promise<void>;
  /** Kills the next replica of the service in turn; prints why if it cannot. */
  killReplica(): Promise<void>;
  press(key: string): void;
  /** Resolves with the name of a process that ended unexpectedly. */
  readonly broken: Promise<string>;
}

type Print = (line: string) => void;

const sessionIds = ["pong-left", "pong-right"] as const;
/** What the tiles bring. */
const passcode = "beach";
const renewEveryMs = 2_000;

export interface DemoSetup {
  /** How many processes of the service share a Redis; unset: one process without. */
  readonly replicas?: number;
  /** Where the page is served on loopback, 0 being any free port; unset: there is none. */
  readonly pagePort?: number;
}

/** How long an instant intervention blocks the next one: until its effect is shown. */
const effectShownMs = 1_000;
const headEveryTicks = 10;

/** Starts everything, or rejects and leaves nothing behind; so it does when the signal aborts. */
export async function openDemo(
  print: Print,
  signal: AbortSignal,
  setup: DemoSetup = {},
): Promise<Demo> {
  const stack = new AsyncDisposableStack();
  try {
    return await assemble(stack, { print, signal, setup });
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

interface Stage {
  readonly print: Print;
  readonly signal: AbortSignal;
  readonly setup: DemoSetup;
}

async function assemble(
  stack: AsyncDisposableStack,
  { print, signal, setup: { replicas: count, pagePort } }: Stage,
): Promise<Demo> {
  print("starting the service, a manager, 2 hosts and 3 tiles");
  const road = stack.use(await startFakeRoad());
  for (const sessionId of [...sessionIds, gameSessionId]) road.register(sessionId, passcode);
  const settings = { LEASE_ROAD_URL: road.url };
  const replicas =
    count === undefined ? undefined : stack.use(await startReplicas(count, print, settings));
  const service = replicas ?? stack.use(await startService(settings));
  signal.throwIfAborted();
  const { grpc, http } = service;
  print(
    `service: grpc ${grpc}, http ${http}, ops ${"ops" in service ? service.ops : "at each replica"}`,
  );
  print(`Beach Road, which is a fake: ${road.url}`);
  print(`operators' page: http://${http}/`);
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
  const restartService = (): Promise<void> =>
    "restart" in service ? service.restart() : service.kill();
  const court =
    pagePort === undefined
      ? undefined
      : stack.use(
          await openCourt(
            { grpcUrl, httpUrl: `http://${service.http}`, leases, restartService },
            signal,
          ),
        );
  if (court !== undefined && pagePort !== undefined) {
    const { url } = stack.use(await servePage(court, pagePort));
    print(`Pong page: ${url}\n`);
  }
  return {
    async tick() {
      await show.tick();
      if (replicas !== undefined) print(`        ${await replicas.describe()}`);
    },
    perform: (intervention) => show.perform(intervention),
    killReplica: () => killReplica(replicas, print),
    press: (key) => (key === "x" ? void killReplica(replicas, print) : show.press(key)),
    broken: Promise.race([
      ...("exited" in service ? [service.exited.then(() => "the service")] : []),
      beach.manager.exited.then(() => "the manager"),
      ...(court === undefined ? [] : [court.exited.then(() => "the manager of the Pong page")]),
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
    print(`  ->  failed: ${why}`);
  }
}

class Show {
  readonly #beach: Beach;
  readonly #print: Print;
  readonly #renegotiate: (sessionId: string) => Promise<unknown>;
  readonly #lines: readonly [SessionLine, SessionLine];
  readonly #ended = new AbortController();
  /** Interventions under way, by session and part. */
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
    const intervention = interventionNames.find((name) => interventions[name].key === key);
    if (intervention !== undefined) void this.perform(intervention);
  }

  async perform(intervention: InterventionName): Promise<void> {
    const index = this.#chosen;
    const { sessionId } = this.#lines[index];
    const { part, says, during } = interventions[intervention];
    const place = `${sessionId} ${part}`;
    const hindrance = this.#underWay.get(place) ?? this.#missing(intervention, index);
    if (hindrance !== undefined) return this.#say(`ignored: ${hindrance}`, sessionId);
    this.#underWay.set(place, during);
    this.#say(says, sessionId);
    try {
      await this.#carryOut(intervention, index);
    } catch (error) {
      const [why] = String(error).split("\n");
      this.#say(`failed: ${why}`, sessionId);
    } finally {
      this.#underWay.delete(place);
    }
  }

  #choose(index: 0 | 1): void {
    this.#chosen = index;
    this.#say("the keys now act on this session", this.#lines[index].sessionId);
  }

  /** Prints nothing while the processes are being stopped. */
  #say(text: string, sessionId: string): void {
    if (!this.#ended.signal.aborted) this.#print(eventLine(sessionId, text));
  }

  #missing(intervention: InterventionName, index: 0 | 1): string | undefined {
    const needsFastPath = intervention === "close" || intervention === "channel";
    return needsFastPath && !this.#lines[index].isOnFastPath
      ? "it has no fast path to close"
      : undefined;
  }

  async #carryOut(intervention: InterventionName, index: 0 | 1): Promise<void> {
    const { sessionId } = this.#lines[index];
    switch (intervention) {
      case "close":
      case "channel":
        await this.#beach.manager.ask({ kind: "kill", sessionId, death: intervention });
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
