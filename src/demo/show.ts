import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import {
  ControllerLease,
  RenegotiationReason,
} from "../gen/beach/controller/v1/controller_lease_pb.js";
import { type Beach, type HostProcess, startBeach } from "./beach.ts";
import type { AppliedCounters } from "./messages.ts";
import { type Replicas, startReplicas } from "./replicas.ts";
import { type ServiceProcess, startService } from "./service-process.ts";
import { SessionLine } from "./session-line.ts";

export const deathWishes = ["close", "channel", "host", "silence", "replica"] as const;
export type DeathWish = (typeof deathWishes)[number];
type TransportDeath = Exclude<DeathWish, "replica">;

/** A beach that runs for show. Disposing it ends every process of it. */
export interface Demo extends AsyncDisposable {
  /** Prints what the last second brought. */
  tick(): Promise<void>;
  /** Kills the chosen session's transport, or a replica of the service. */
  kill(wish: DeathWish): Promise<void>;
  /** Replaces the chosen session's transport while it works. */
  replace(): Promise<void>;
  press(key: string): void;
}

const sessionIds = ["pong-left", "pong-right"] as const;
const renewEveryMs = 2_000;
const hostAwayMs = 2_000;
const silenceMs = 8_000;

/** @param replicas how many processes of the service share a Redis; 0: one process without. */
export async function openDemo(print: (line: string) => void, replicas = 0): Promise<Demo> {
  const stack = new AsyncDisposableStack();
  try {
    return await assemble(stack, print, replicas);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function assemble(
  stack: AsyncDisposableStack,
  print: (line: string) => void,
  count: number,
): Promise<Demo> {
  const replicas = count === 0 ? undefined : stack.use(await startReplicas(count, print));
  const service = replicas ?? stack.use(await startService());
  print(`service: grpc ${service.grpc}, http ${service.http}, ${opsOf(service)}`);
  const grpcUrl = `http://${service.grpc}`;
  const beach = stack.use(
    await startBeach({
      grpcUrl,
      httpUrl: `http://${service.http}`,
      hosts: [
        { sessionIds: [sessionIds[0]], door: "grpc" },
        { sessionIds: [sessionIds[1]], door: "connect" },
      ],
    }),
  );
  print(
    `manager: ${beach.managerUrl}; 2 hosts, 3 tiles that renew every ${renewEveryMs / 1_000} s`,
  );
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
    async kill(wish) {
      if (wish === "replica") await replicas?.kill();
      else await show.kill(wish);
    },
    replace: () => show.replace(),
    press: (key) => (key === "x" ? void replicas?.kill() : show.press(key)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function opsOf(service: ServiceProcess | Replicas): string {
  return `ops ${"ops" in service ? service.ops : "at each replica"}`;
}

class Show {
  readonly #beach: Beach;
  readonly #print: (line: string) => void;
  readonly #renegotiate: (sessionId: string) => Promise<unknown>;
  readonly #lines: readonly SessionLine[];
  readonly #ended = new AbortController();
  #chosen = 0;
  #seconds = 0;

  constructor(
    beach: Beach,
    print: (line: string) => void,
    renegotiate: (sessionId: string) => Promise<unknown>,
  ) {
    this.#beach = beach;
    this.#print = print;
    this.#renegotiate = renegotiate;
    this.#lines = sessionIds.map((sessionId) => new SessionLine(sessionId));
    const [left, right] = this.#lines;
    for (const [index, line] of this.#lines.entries()) {
      const tile = { sessionId: line.sessionId, reason: `tile-${index + 1}`, renewEveryMs };
      beach.startTile(tile).onEvent((event) => line.tileTold(event));
    }
    beach.startOldTile(sessionIds[1], renewEveryMs).onEvent(() => right?.oldTileRenewed());
    beach.manager.onEvent((event) => {
      left?.managerTold(event);
      right?.managerTold(event);
    });
  }

  end(): void {
    this.#ended.abort();
  }

  async tick(): Promise<void> {
    this.#seconds += 1;
    for (const [index, line] of this.#lines.entries()) {
      const host = this.#beach.hosts[index];
      const counters = host === undefined ? undefined : await this.#counters(host, line.sessionId);
      if (this.#ended.signal.aborted) return;
      // The wait for the first fast path is not a gap.
      if (line.isFirstOnFastPath()) void host?.ask({ kind: "mark", sessionId: line.sessionId });
      this.#print(`${String(this.#seconds).padStart(4)} s  ${line.render(counters)}`);
    }
  }

  press(key: string): void {
    if (key === "1" || key === "2") this.#choose(Number(key) - 1);
    if (key === "k") void this.kill("close");
    if (key === "c") void this.kill("channel");
    if (key === "h") void this.kill("host");
    if (key === "s") void this.kill("silence");
    if (key === "r") void this.replace();
  }

  async kill(wish: TransportDeath): Promise<void> {
    const sessionId = this.#sessionId;
    switch (wish) {
      case "close":
      case "channel":
        this.#print(`       ${sessionId}: the manager closes its ${closed[wish]}`);
        await this.#beach.manager.ask({ kind: "kill", sessionId, death: wish });
        return;
      case "host":
        return await this.#killHost();
      case "silence":
        return await this.#silenceHost();
    }
  }

  async replace(): Promise<void> {
    this.#print(`       ${this.#sessionId}: an operator asks for a replacement`);
    await this.#renegotiate(this.#sessionId);
  }

  get #sessionId(): string {
    return sessionIds[this.#chosen] ?? sessionIds[0];
  }

  #choose(index: number): void {
    this.#chosen = index;
    this.#print(`       ${this.#sessionId} is chosen`);
  }

  async #killHost(): Promise<void> {
    const index = this.#chosen;
    const host = this.#beach.hosts[index];
    if (host === undefined) return;
    this.#print(`       ${this.#sessionId}: SIGKILL to its host; it is started again in 2 s`);
    host.signal("SIGKILL");
    await host.exited;
    if (await this.#pause(hostAwayMs)) await this.#beach.restartHost(index);
  }

  async #silenceHost(): Promise<void> {
    const host = this.#beach.hosts[this.#chosen];
    if (host === undefined) return;
    this.#print(`       ${this.#sessionId}: its host is stopped for ${silenceMs / 1_000} s`);
    host.signal("SIGSTOP");
    await this.#pause(silenceMs);
    host.signal("SIGCONT");
  }

  /** False when the show ended meanwhile. */
  async #pause(durationMs: number): Promise<boolean> {
    const { signal } = this.#ended;
    await delay(durationMs, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  /** Undefined while the host does not answer, as when it was killed or stopped. */
  async #counters(host: HostProcess, sessionId: string): Promise<AppliedCounters | undefined> {
    const asked = host.ask<AppliedCounters>({ kind: "counters", sessionId });
    return await Promise.race([asked, delay(200, undefined)]).catch(() => undefined);
  }
}

const closed = { close: "connection", channel: "mgr-actions channel" } as const;
