import { HostFollower } from "../../../src/client/host.ts";
import { ManagerClient } from "../../../src/client/manager.ts";
import { createNodeTransport, type NodeTransport } from "../../../src/client/node.ts";
import type { Random } from "../../support/runs/random.ts";
import { FakeConnection } from "./fake-connection.ts";

export const beachId = "soak-beach";

/** Where the service is. */
export interface Place {
  readonly grpcUrl: string;
  readonly httpUrl: string;
}

/** A host, with the connection that both ends report. */
interface Hosted {
  readonly transport: NodeTransport;
  readonly follower: HostFollower;
}

const setUpMsMax = 800;

/**
 * A manager and the hosts of its sessions. The connections between them are not real; what both ends
 * say of them is.
 */
export class Beach implements AsyncDisposable {
  readonly sessionIds: readonly string[];
  readonly #place: Place;
  readonly #random: Random;
  readonly #transport: NodeTransport;
  readonly #manager: ManagerClient;
  readonly #hosts = new Map<string, Hosted>();
  readonly #connections = new Map<string, FakeConnection>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(place: Place, sessions: number, random: Random) {
    this.#place = place;
    this.#random = random;
    this.sessionIds = Array.from({ length: sessions }, (_, index) => `soak-${index}`);
    this.#transport = createNodeTransport({ baseUrl: place.grpcUrl, protocol: "grpc" });
    this.#manager = new ManagerClient({
      transport: this.#transport,
      privateBeachId: beachId,
      onRetired: ({ handshakeId }) => this.#connections.delete(handshakeId),
    });
  }

  async start(): Promise<void> {
    this.#manager.start();
    for (const sessionId of this.sessionIds) {
      await this.#attach(sessionId);
      this.#host(sessionId);
    }
  }

  /** Its host goes, and comes back over a connection of its own. */
  async restartHost(sessionId: string): Promise<void> {
    const hosted = this.#hosts.get(sessionId);
    this.#hosts.delete(sessionId);
    await hosted?.follower.stop();
    hosted?.transport.close();
    this.#host(sessionId);
  }

  /** The session is over, and another begins under its name. */
  async detach(sessionId: string): Promise<void> {
    await this.#manager.detach(sessionId, "over");
    await this.#attach(sessionId);
  }

  /** Its connection breaks at both ends. */
  breakConnection(sessionId: string): void {
    for (const connection of this.#connections.values()) {
      if (connection.sessionId === sessionId) connection.isUp = false;
    }
    this.#hosts.get(sessionId)?.follower.changed();
    this.#manager.changed();
  }

  async #attach(sessionId: string): Promise<void> {
    const managerUrl = "http://127.0.0.1:8080";
    await this.#manager.attach({ sessionId, managerUrl, hostReports: true });
  }

  #host(sessionId: string): void {
    const transport = createNodeTransport({ baseUrl: this.#place.grpcUrl, protocol: "grpc" });
    const follower = new HostFollower({
      transport,
      sessionId,
      onOffer: ({ handshakeId }) => this.#setUp(sessionId, handshakeId),
      onPoller: () => undefined,
      onRetired: ({ handshakeId }) => this.#connections.delete(handshakeId),
    });
    this.#hosts.set(sessionId, { transport, follower });
    follower.start();
  }

  /** As long as it takes a connection to come up; some never do. */
  #setUp(sessionId: string, handshakeId: string): void {
    if (this.#random.chance(0.05)) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        const connection = new FakeConnection(sessionId, handshakeId);
        this.#connections.set(handshakeId, connection);
        this.#manager.hold(connection);
        this.#hosts.get(sessionId)?.follower.hold(connection);
      },
      this.#random.between(20, setUpMsMax),
    );
    this.#timers.add(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([...this.#hosts.values()].map(({ follower }) => follower.stop()));
    await this.#manager.stop();
    for (const { transport } of this.#hosts.values()) transport.close();
    this.#transport.close();
  }
}
