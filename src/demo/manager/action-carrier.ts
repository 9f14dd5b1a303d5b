import type { ConnectionObservation, ReportedConnection } from "../../client/host.ts";
import type { Action } from "../beach/messages.ts";
import { acksLabel, actionsLabel, type PeerLink } from "../beach/peer-link.ts";

/** A link as the manager sends over it: what was sent on it, and what it acknowledged itself. */
export class ActionCarrier implements ReportedConnection {
  readonly link: PeerLink;
  readonly sessionId: string;
  readonly handshakeId: string;
  readonly transportId: string;
  /** Moments of sending, by sequence, of what this link's own acks channel has not confirmed. */
  readonly #unacked = new Map<number, number>();
  #ackedAt: number | undefined;

  constructor(link: PeerLink) {
    this.link = link;
    this.sessionId = link.sessionId;
    this.handshakeId = link.handshakeId;
    this.transportId = link.transportId;
  }

  get canSend(): boolean {
    return this.link.isReady(actionsLabel);
  }

  /** False when the channel does not take it. */
  send(action: Action): boolean {
    if (!this.link.send(actionsLabel, JSON.stringify(action))) return false;
    if (!this.#unacked.has(action.sequence)) this.#unacked.set(action.sequence, performance.now());
    return true;
  }

  /** An acknowledgement over this link: everything up to `sequence` was applied. */
  acked(sequence: number): void {
    this.#ackedAt = performance.now();
    for (const sent of this.#unacked.keys()) {
      if (sent > sequence) break;
      this.#unacked.delete(sent);
    }
  }

  /** What the link shows, with the ages of its acknowledgements: those of another path never count. */
  observe(): ConnectionObservation {
    const observation = this.link.observe();
    const now = performance.now();
    const [oldestSentAt] = this.#unacked.values();
    const channels = observation.channels.map((channel) => ({
      ...channel,
      ...(channel.label === actionsLabel && oldestSentAt !== undefined
        ? { oldestUnackedMs: now - oldestSentAt }
        : {}),
      ...(channel.label === acksLabel && this.#ackedAt !== undefined
        ? { ackAgeMs: now - this.#ackedAt }
        : {}),
    }));
    return { ...observation, channels };
  }
}
