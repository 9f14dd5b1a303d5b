import { randomUUID } from "node:crypto";
import { cleanup, type DataChannel, type DescriptionType, PeerConnection } from "node-datachannel";

import type { ConnectionObservation, ReportedConnection } from "../../client/host.ts";
import { ChannelState, ConnectionState } from "../../gen/beach/controller/v1/transport_pb.js";

export const actionsLabel = "mgr-actions";
export const acksLabel = "mgr-acks";
export const stateLabel = "mgr-state";
export const channelLabels: readonly string[] = [actionsLabel, acksLabel, stateLabel];

const readySentinel = "__ready__";

export interface PeerLinkOptions {
  readonly sessionId: string;
  readonly handshakeId: string;
  /** The connection or one of its channels changed state; `what` names the new state. */
  readonly onChange: (link: PeerLink, what: string) => void;
  readonly onMessage: (link: PeerLink, label: string, text: string) => void;
  /** Never say `__ready__`: the other end sees the channels open and nothing more. */
  readonly withholdsReady?: boolean;
}

interface LinkChannel {
  readonly channel: DataChannel;
  state: ChannelState;
  saidReady: boolean;
}

/** One peer connection over loopback with the manager's channels and their readiness sentinels. */
export class PeerLink implements ReportedConnection {
  readonly sessionId: string;
  readonly handshakeId: string;
  readonly transportId: string = randomUUID();
  readonly #options: PeerLinkOptions;
  readonly #peer: PeerConnection;
  readonly #channels = new Map<string, LinkChannel>();
  #connection: ConnectionState = ConnectionState.CONNECTING;

  constructor(options: PeerLinkOptions) {
    this.sessionId = options.sessionId;
    this.handshakeId = options.handshakeId;
    this.#options = options;
    this.#peer = new PeerConnection(this.transportId, {
      iceServers: [],
      bindAddress: "127.0.0.1",
    });
    this.#peer.onStateChange((state) => this.#connectionIs(connectionStates[state]));
    this.#peer.onDataChannel((channel) => this.#adopt(channel));
  }

  /** Creates the channels and answers with an offer that holds every candidate. */
  async offer(labels: readonly string[]): Promise<string> {
    const gathered = this.#gathered();
    for (const label of labels) this.#adopt(this.#peer.createDataChannel(label));
    return await gathered;
  }

  /** Takes the other end's offer and answers with everything there is to say. */
  async answer(sdp: string): Promise<string> {
    const gathered = this.#gathered();
    this.#peer.setRemoteDescription(withoutCandidates(sdp), "offer");
    return await gathered;
  }

  accept(sdp: string): void {
    if (this.isClosed) return;
    this.#peer.setRemoteDescription(sdp, "answer" satisfies DescriptionType);
  }

  isReady(label: string): boolean {
    return this.#channels.get(label)?.state === ChannelState.READY;
  }

  get isClosed(): boolean {
    return this.#connection === ConnectionState.CLOSED;
  }

  /** False when the channel cannot carry it. */
  send(label: string, text: string): boolean {
    const entry = this.#channels.get(label);
    if (entry === undefined || entry.state === ChannelState.CLOSED) return false;
    try {
      return entry.channel.sendMessage(text);
    } catch {
      // The channel closed, and its callback has not run yet.
      return false;
    }
  }

  closeChannel(label: string): void {
    this.#channels.get(label)?.channel.close();
  }

  close(): void {
    this.#connectionIs(ConnectionState.CLOSED);
  }

  observe(): ConnectionObservation {
    const channels = [...this.#channels].map(([label, { channel, state }]) => ({
      label,
      state,
      bufferedBytes: state === ChannelState.CLOSED ? 0 : channel.bufferedAmount(),
    }));
    const roundTripMs = this.isClosed ? -1 : this.#peer.rtt();
    const measured = roundTripMs > 0 ? { roundTripMs } : {};
    return { connection: this.#connection, channels, ...measured };
  }

  #gathered(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#peer.onGatheringStateChange((state) => {
        if (state !== "complete") return;
        const description = this.#peer.localDescription();
        if (description === null) reject(new Error("gathered without a local description"));
        else resolve(description.sdp);
      });
    });
  }

  #adopt(channel: DataChannel): void {
    const label = channel.getLabel();
    this.#channels.set(label, { channel, state: ChannelState.CONNECTING, saidReady: false });
    channel.onMessage((message) => {
      const text = String(message);
      if (text === readySentinel) this.#channelIs(label, ChannelState.READY);
      else this.#options.onMessage(this, label, text);
    });
    channel.onOpen(() => this.#opened(label));
    channel.onClosed(() => this.#channelIs(label, ChannelState.CLOSED));
    if (channel.isOpen()) this.#opened(label);
  }

  #opened(label: string): void {
    const entry = this.#channels.get(label);
    if (entry === undefined || entry.saidReady) return;
    entry.saidReady = true;
    if (this.#options.withholdsReady !== true) this.send(label, readySentinel);
    // The other end's sentinel may arrive before this end learns that the channel is open.
    if (entry.state === ChannelState.CONNECTING) this.#channelIs(label, ChannelState.OPEN);
  }

  #channelIs(label: string, state: ChannelState): void {
    const entry = this.#channels.get(label);
    if (entry === undefined || entry.state === state) return;
    entry.state = state;
    this.#options.onChange(this, `${label} ${ChannelState[state].toLowerCase()}`);
  }

  #connectionIs(state: ConnectionState | undefined): void {
    if (state === undefined || this.isClosed || state === this.#connection) return;
    this.#connection = state;
    // Also when the other end closed it: cleanup waits for every connection to be closed here.
    if (state === ConnectionState.CLOSED) this.#peer.close();
    this.#options.onChange(this, ConnectionState[state].toLowerCase());
  }
}

/**
 * The answering end waits to be called: were it to call first, ICE and DTLS could come up before
 * the other end has read the answer, which then knows no fingerprint and fails the connection.
 */
function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:|end-of-candidates).*\r?\n/gm, "");
}

/** Frees what the WebRTC library keeps, so that the process can end. */
export function endWebrtc(): void {
  cleanup();
}

const connectionStates: Readonly<Record<string, ConnectionState>> = {
  new: ConnectionState.CONNECTING,
  connecting: ConnectionState.CONNECTING,
  connected: ConnectionState.CONNECTED,
  disconnected: ConnectionState.DISCONNECTED,
  failed: ConnectionState.FAILED,
  closed: ConnectionState.CLOSED,
};
