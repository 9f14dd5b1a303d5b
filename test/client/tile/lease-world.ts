import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type Transport,
} from "@connectrpc/connect";

import { createControllerLease } from "../../../src/api/controller-lease.ts";
import { createFastPathRegistry } from "../../../src/api/fast-path-registry.ts";
import {
  createLeaseClient,
  type LeaseClient,
  type LeaseClientSettings,
  type TileLease,
  type TileLeaseEvent,
  type TileLeaseOptions,
} from "../../../src/client/index.ts";
import {
  ControllerLease,
  type Lease,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ChannelState,
  ConnectionState,
  TransportEnd,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { dependenciesFor } from "../../api/api-under-test.ts";
import { settle } from "../../support/service/manual-clock.ts";
import { type ServiceUnderTest, serviceUnderTest } from "../../support/service/session-service.ts";
import { Device } from "../device.ts";

export const sessionId = "session-1";
export const privateBeachId = "beach-1";

/** `silent`: calls get no answer, and streams bring nothing more. */
type Network = "up" | "down" | "silent";

/**
 * A page with tiles and the real service, in memory. Each has clocks of its own, which only move
 * when they are told to, and between them is a network that may be away.
 */
export class LeaseWorld implements AsyncDisposable {
  readonly device: Device = new Device();
  readonly client: LeaseClient;
  /** Calls by their name, as they left the page. */
  readonly called: string[] = [];
  /** Watch streams that are open at the page. */
  streams = 0;
  streamsMax = 0;
  random = 0.5;
  #network: Network = "up";
  #cut = new AbortController();
  #service: ServiceUnderTest;
  #door: Transport;

  private constructor(service: ServiceUnderTest, settings: LeaseClientSettings) {
    this.#service = service;
    this.#door = doorOf(service);
    this.client = createLeaseClient({
      transport: this.transport(),
      clock: this.device,
      page: this.device,
      random: () => this.random,
      ...settings,
    });
  }

  static async open(settings: LeaseClientSettings = {}): Promise<LeaseWorld> {
    const world = new LeaseWorld(await serviceUnderTest(), settings);
    await world.registry.attachSession({ sessionId, privateBeachId });
    return world;
  }

  /** The service, past the network. */
  get registry(): Client<typeof FastPathRegistry> {
    return createClient(FastPathRegistry, this.#door);
  }

  get leases(): Client<typeof ControllerLease> {
    return createClient(ControllerLease, this.#door);
  }

  /** A tile with everything it told. */
  hold(options: Partial<TileLeaseOptions> = {}): { tile: TileLease; told: TileLeaseEvent[] } {
    const tile = this.client.hold({ sessionId, ...options });
    const told: TileLeaseEvent[] = [];
    tile.subscribe((event) => event.kind !== "transport" && told.push(event));
    return { tile, told };
  }

  /** Everybody's clocks move on together. */
  async advance(durationMs: number, stepMs = 50): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += stepMs) {
      const step = Math.min(stepMs, durationMs - passed);
      await this.#service.clock.advance(step);
      await this.device.advance(step);
    }
    await settle();
  }

  /** The page's machine sleeps, and nobody else. */
  async sleep(durationMs: number): Promise<void> {
    this.device.sleep(durationMs);
    await this.#service.clock.advance(durationMs);
  }

  network(is: Network): void {
    this.#network = is;
    if (is === "down") {
      this.#cut.abort(new ConnectError("the network is away", Code.Unavailable));
      this.#cut = new AbortController();
    }
  }

  /** Ends the service, and starts it again on the same sessions or on none. */
  async restart(keeps: "keeps its store" | "loses its store", awayMs = 0): Promise<void> {
    this.network("down");
    const { store, clock } = this.#service;
    await this.advance(awayMs);
    if (keeps === "loses its store") {
      this.#service = await serviceUnderTest({ store: memoryStore(), clock });
    } else {
      this.#service = await serviceUnderTest({ store, clock });
    }
    this.#door = doorOf(this.#service);
    this.network("up");
  }

  /** Leases that are live at the service. */
  async liveLeases(): Promise<readonly Lease[]> {
    const { sessions } = await this.registry.listSessions({});
    return sessions.flatMap(({ leases }) => leases);
  }

  /** The manager reports the connection of the handshake in flight, or of the promoted one. */
  async report(connection: ConnectionState): Promise<void> {
    const { sessions } = await this.registry.listSessions({});
    const transport = sessions[0]?.transport;
    const handshakeId = transport?.negotiation?.handshakeId ?? transport?.handshakeId ?? "";
    const state =
      connection === ConnectionState.CONNECTED ? ChannelState.READY : ChannelState.CLOSED;
    await this.registry.reportTransport({
      reports: [
        {
          sessionId,
          handshakeId,
          end: TransportEnd.MANAGER,
          transportId: `of ${handshakeId}`,
          connection,
          channels: [{ label: "mgr-actions", state }],
          reporterId: "manager-1",
        },
      ],
    });
    await settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.network("up");
    await this.client[Symbol.asyncDispose]();
    await this.#service[Symbol.asyncDispose]();
  }

  /** A way to the service through the network of the page. */
  transport(): Transport {
    return {
      unary: async (...call) => {
        const [method, signal] = call;
        this.called.push(method.localName);
        await this.#pass(signal);
        const answer = await this.#door.unary(...call);
        await this.#pass(signal);
        return answer;
      },
      stream: async (method, signal, ...rest) => {
        this.called.push(method.localName);
        await this.#pass(signal);
        const cut = this.#cut.signal;
        const both = AbortSignal.any([cut, ...(signal ? [signal] : [])]);
        const stream = await this.#door.stream(method, both, ...rest);
        return { ...stream, message: this.#through(stream.message, cut) };
      },
    };
  }

  async *#through<T>(messages: AsyncIterable<T>, cut: AbortSignal): AsyncIterable<T> {
    this.streams += 1;
    this.streamsMax = Math.max(this.streamsMax, this.streams);
    try {
      for await (const message of messages) {
        if (this.#network !== "silent") yield message;
      }
    } catch (error) {
      throw cut.aborted ? cut.reason : error;
    } finally {
      this.streams -= 1;
    }
  }

  async #pass(signal: AbortSignal | undefined): Promise<void> {
    if (this.#network === "up") return;
    if (this.#network === "down") throw new ConnectError("the network is away", Code.Unavailable);
    await new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(new ConnectError("aborted", Code.Canceled)));
    });
  }
}

function doorOf({ service }: ServiceUnderTest): Transport {
  const dependencies = dependenciesFor(service);
  return createRouterTransport((router) => {
    router.service(ControllerLease, createControllerLease(dependencies));
    router.service(FastPathRegistry, createFastPathRegistry(dependencies));
  });
}

/** Without what changes from renewal to renewal. */
export function kinds(told: readonly TileLeaseEvent[]): readonly string[] {
  return told.map((event) => (event.kind === "lost" ? `lost: ${event.endedBy}` : event.kind));
}
