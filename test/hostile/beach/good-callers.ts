import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

import { durationFromMs } from "@bufbuild/protobuf/wkt";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { Reach } from "../../support/process/run-service.ts";

export const goodBeach = "good-beach";

/** How long a well-behaved caller waits for an answer before it gives the call up. */
const callTimeoutMs = 5_000;

/** What a caller has seen since it was last asked. */
export interface Called {
  readonly tookMs: readonly number[];
  readonly failures: readonly string[];
}

/** Calls at a steady pace, whether or not the call before was answered. */
export class SteadyCaller implements AsyncDisposable {
  readonly #name: string;
  readonly #call: () => Promise<unknown>;
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();
  #tookMs: number[] = [];
  #failures: string[] = [];

  constructor(name: string, everyMs: number, call: () => Promise<unknown>) {
    this.#name = name;
    this.#call = call;
    this.#timer = setInterval(() => this.#begin(), everyMs);
  }

  /** What was seen since the last time. */
  take(): Called {
    const called = { tookMs: this.#tookMs, failures: this.#failures };
    this.#tookMs = [];
    this.#failures = [];
    return called;
  }

  #begin(): void {
    const calling = this.#one().finally(() => this.#underWay.delete(calling));
    this.#underWay.add(calling);
  }

  async #one(): Promise<void> {
    const at = performance.now();
    try {
      await this.#call();
    } catch (error) {
      this.#failures.push(`${this.#name}: ${String(error)}`);
    }
    this.#tookMs.push(performance.now() - at);
  }

  /** Resolves when every call that was begun has ended. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.settle();
  }
}

/** Three tiles, each on a door of its own, that renew ten times a second together. */
export async function startRenewals(service: Reach): Promise<readonly SteadyCaller[]> {
  const doors = [
    { name: "gRPC", transport: service.grpc },
    { name: "Connect", transport: service.connect },
  ] as const;
  const callers: SteadyCaller[] = [];
  for (const { name, transport } of doors) {
    const lease = service.client(ControllerLease, transport);
    const { sessionId, controllerToken } = await hold(service, `good-${name.toLowerCase()}`);
    const renew = (): Promise<unknown> =>
      lease.renew({ sessionId, controllerToken }, { timeoutMs: callTimeoutMs });
    callers.push(new SteadyCaller(`renewal over ${name}`, 300, renew));
  }
  const { sessionId, controllerToken } = await hold(service, "good-json");
  const url = service.httpUrl(`/sessions/${sessionId}/controller-handshake/renew`);
  const renewOld = async (): Promise<void> => {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ controller_token: controllerToken }),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
  };
  callers.push(new SteadyCaller("renewal over JSON", 300, renewOld));
  return callers;
}

/** A session of the good beach, on which a lease is held. */
export async function hold(
  service: Reach,
  sessionId: string,
): Promise<{ readonly sessionId: string; readonly controllerToken: string }> {
  await service.registry.attachSession({ sessionId, privateBeachId: goodBeach });
  const ttl = durationFromMs(30_000);
  const { controllerToken } = await service.lease.acquire({ sessionId, reason: "tile", ttl });
  return { sessionId, controllerToken };
}

/** One KeepAlive stream; what ends it, or leaves a message unanswered, is its failure. */
export class KeepAliveCaller implements AsyncDisposable {
  readonly #over = new AbortController();
  #failures: string[] = [];
  #answers = 0;
  readonly #streaming: Promise<void>;

  constructor(
    service: Reach,
    lease: { readonly sessionId: string; readonly controllerToken: string },
  ) {
    this.#streaming = this.#stream(service, lease);
  }

  /** What went wrong since the last time; a stream that is silent is wrong too. */
  take(): readonly string[] {
    const silent = this.#answers === 0 ? ["KeepAlive: no answer"] : [];
    const failures = [...this.#failures, ...silent];
    this.#failures = [];
    this.#answers = 0;
    return failures;
  }

  async #stream(
    { lease: client }: Reach,
    renewal: { readonly sessionId: string; readonly controllerToken: string },
  ): Promise<void> {
    const { signal } = this.#over;
    const messages = async function* (): AsyncGenerator<{ renewals: (typeof renewal)[] }> {
      while (!signal.aborted) {
        yield { renewals: [renewal] };
        await delay(500, undefined, { signal }).catch(() => undefined);
      }
    };
    try {
      for await (const { results } of client.keepAlive(messages(), { signal })) {
        this.#answers += 1;
        const refusal = results[0]?.refusal;
        if (refusal !== "") this.#failures.push(`KeepAlive: ${refusal}`);
      }
      if (!signal.aborted) this.#failures.push("KeepAlive: the stream ended");
    } catch (error) {
      if (!signal.aborted) this.#failures.push(`KeepAlive: ${String(error)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#streaming;
  }
}

/** An orchestrator that asks whether the process lives, on a new connection each time. */
export function startProbes(service: Reach): SteadyCaller {
  return new SteadyCaller("liveness", 250, () => probe(service.opsUrl("/healthz")));
}

function probe(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, timeout: callTimeoutMs });
    asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.on("error", reject);
    asked.on("response", (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`${answer.statusCode}`));
    });
    asked.end();
  });
}
