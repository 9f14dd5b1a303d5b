import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import type { TransportState } from "../../src/gen/beach/controller/v1/transport_pb.js";
import type { RawReader } from "./raw-reader.ts";

/** Changes one session, and knows the truth about it. */
export class Caller implements Disposable {
  readonly #sessions: Http2SessionManager;
  readonly #lease: Client<typeof ControllerLease>;
  readonly #registry: Client<typeof FastPathRegistry>;
  readonly #sessionId: string;
  #held: string | undefined;

  constructor(address: string, sessionId: string) {
    const baseUrl = `http://${address}`;
    this.#sessions = new Http2SessionManager(baseUrl);
    const transport = createGrpcTransport({ baseUrl, sessionManager: this.#sessions });
    this.#lease = createClient(ControllerLease, transport);
    this.#registry = createClient(FastPathRegistry, transport);
    this.#sessionId = sessionId;
  }

  /** The session, with one lease and a handshake in flight. */
  async attach(): Promise<void> {
    const sessionId = this.#sessionId;
    await this.#registry.attachSession({ sessionId, privateBeachId: "beach" });
    await this.#lease.acquire({ sessionId, reason: "tile", ttl: { seconds: 300n } });
  }

  /** Grants another lease, or ends it: a change that watchers see. */
  async change(): Promise<void> {
    const sessionId = this.#sessionId;
    if (this.#held === undefined) {
      const { controllerToken } = await this.#lease.acquire({ sessionId, reason: "another" });
      this.#held = controllerToken;
    } else {
      await this.#lease.release({ sessionId, controllerToken: this.#held });
      this.#held = undefined;
    }
  }

  /** What all readers have once the session is at rest. */
  async settledTruth(readers: readonly RawReader[]): Promise<TransportState> {
    for (;;) {
      const truth = await this.#truth();
      const caughtUp = (reader: RawReader): boolean => (versionOf(reader) ?? 0n) >= truth.version;
      await Promise.all(readers.map((reader) => reader.until(caughtUp)));
      if ((await this.#truth()).version === truth.version) return truth;
    }
  }

  [Symbol.dispose](): void {
    this.#sessions.abort();
  }

  async #truth(): Promise<TransportState> {
    const watch = this.#lease.watchTransport({ sessionIds: [this.#sessionId] });
    for await (const { event } of watch) if (event.case === "state") return event.value;
    throw new Error("the session has no state");
  }
}

function versionOf({ last }: RawReader): bigint | undefined {
  return last.event.case === "state" ? last.event.value.version : undefined;
}

/** How many readers have anything but the truth, ages aside. */
export function wrongReaders(readers: readonly RawReader[], truth: TransportState): number {
  const expected = JSON.stringify(ageless(truth), bigints);
  const isRight = ({ last: { event } }: RawReader): boolean =>
    event.case === "state" && JSON.stringify(ageless(event.value), bigints) === expected;
  return readers.filter((reader) => !isRight(reader)).length;
}

function ageless(state: TransportState): Partial<TransportState> {
  const {
    evidenceAge: _,
    ends: __,
    nextNegotiationAt: ___,
    nextNegotiationIn: ____,
    ...rest
  } = state;
  if (rest.negotiation === undefined) return rest;
  const { confirmIn: _____, ...negotiation } = rest.negotiation;
  return { ...rest, negotiation };
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
