import { setTimeout as delay } from "node:timers/promises";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { type OpenWatch, openWatch } from "../../support/callers/open-watch.ts";
import type { Reach } from "../../support/process/run-service.ts";
import { goodBeach } from "./good-callers.ts";

const sessionId = "good-watched";
const newsMsMax = 5_000;
const inTime = { timeoutMs: newsMsMax };

type NamedWatch = readonly [name: string, watch: OpenWatch];

/** One reader on each door that streams: none may lose its stream, and all see every change. */
export class GoodWatches implements AsyncDisposable {
  readonly #service: Reach;
  readonly #watches: readonly NamedWatch[];
  #looks = 0;

  private constructor(service: Reach, watches: readonly NamedWatch[]) {
    this.#service = service;
    this.#watches = watches;
  }

  static async open(service: Reach): Promise<GoodWatches> {
    await service.registry.attachSession({ sessionId, privateBeachId: goodBeach });
    const transports = [
      ["gRPC", service.grpc],
      ["Connect", service.connect],
      ["gRPC-Web", service.grpcWeb],
    ] as const;
    const watches = await Promise.all(
      transports.map(async ([name, transport]) => {
        const lease = service.client(ControllerLease, transport);
        return [`watch over ${name}`, await openWatch({ lease }, [sessionId])] as const;
      }),
    );
    return new GoodWatches(service, watches);
  }

  /** Changes the session, and says which readers are not told of it. */
  async look(): Promise<readonly string[]> {
    this.#looks += 1;
    const { lease } = this.#service;
    const reason = `look-${this.#looks}`;
    const { controllerToken, transport } = await lease.acquire({ sessionId, reason }, inTime);
    const version = transport?.version ?? 0n;
    const failures = await Promise.all(
      this.#watches.map(([name, watch]) => this.#receives(name, watch, version)),
    );
    await lease.release({ sessionId, controllerToken }, inTime);
    return failures.flat();
  }

  async #receives(name: string, watch: OpenWatch, version: bigint): Promise<readonly string[]> {
    for (const start = performance.now(); performance.now() - start < newsMsMax; await delay(20)) {
      if (watch.end !== undefined) return [`${name}: ${String(watch.end)}`];
      if ((watch.newest(sessionId)?.version ?? 0n) >= version) return [];
    }
    return [`${name}: not told of a change within ${newsMsMax} ms`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [, watch] of this.#watches) await watch[Symbol.asyncDispose]();
  }
}
