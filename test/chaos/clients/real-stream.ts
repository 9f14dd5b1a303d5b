import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";

import type {
  WatchTransportRequestSchema,
  WatchTransportResponse,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { TransportEnd } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { WatchSelection } from "../../../src/service/lease-service.ts";
import type { StreamOptions } from "../../simulation/network/stream.ts";
import type { Message } from "../../simulation/seen/sight.ts";
import type { OpenStream } from "../../simulation/world.ts";
import type { Clients } from "./call.ts";
import type { RealNetworkParts } from "./real-network.ts";
import { required, seeState } from "./seen-over-the-wire.ts";

interface RealStreamOptions extends StreamOptions {
  readonly by: string;
  readonly number: number;
}

/** A watch stream over a socket, read no faster than its reader is ready. */
export class RealStream implements OpenStream {
  readonly #parts: Pick<RealNetworkParts, "time" | "history">;
  readonly #options: RealStreamOptions;
  readonly #stop = new AbortController();
  readonly #known: Map<string, number>;
  #isOver = false;
  #hasSpoken = false;
  #isDrained = false;

  constructor(parts: Pick<RealNetworkParts, "time" | "history">, options: RealStreamOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#known = new Map(options.selection.knownVersions);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the service has said anything on it; that it drains is the last that it says. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** Whether its reader has this version of the session or a later one, or has not asked for it. */
  hasReached(sessionId: string, version: number): boolean {
    const { sessions } = this.#options.selection;
    const isAskedFor = sessions.kind === "beach" || sessions.ids.includes(sessionId);
    return !isAskedFor || (this.#known.get(sessionId) ?? 0) >= version;
  }

  /** Reads until either side ends it. */
  async read(run: number, clients: Clients): Promise<void> {
    const { time, history } = this.#parts;
    const { selection, paceMs, by, number: stream, isFast } = this.#options;
    const openedAt = time.now;
    history.see({
      kind: "opened",
      ...history.stamp({ run, serviceNow: openedAt }),
      stream,
      by,
      sessionIds: selection.sessions.kind === "named" ? selection.sessions.ids : undefined,
      known: selection.knownVersions,
      isFast,
    });
    let readySince = openedAt;
    try {
      const { signal } = this.#stop;
      for await (const response of clients.lease.watchTransport(toRequest(selection), { signal })) {
        if (this.#isOver) return;
        const saying = { run, serviceNow: time.now, since: openedAt };
        const message = seeMessage(response);
        history.see({
          kind: "received",
          ...history.stamp(saying),
          stream,
          by,
          readySince,
          message,
        });
        this.#take(message);
        const pause = paceMs();
        if (pause > 0) await time.sleep(pause);
        readySince = time.now;
      }
    } catch (error) {
      if (!(error instanceof ConnectError)) history.bug(`${by} watching`, error);
    }
    this.end();
  }

  /** It is over, and its reader knows. */
  end(): void {
    if (this.#isOver) return;
    this.close();
    this.#options.onEnd();
  }

  close(): void {
    if (this.#isOver) return;
    const { time, history } = this.#parts;
    this.#isOver = true;
    history.note({
      kind: "closed",
      at: time.now,
      stream: this.#options.number,
      isMoreOnItsWay: false,
    });
    this.#stop.abort();
  }

  #take(message: Message): void {
    this.#hasSpoken = true;
    if (message.kind === "draining") this.#isDrained = true;
    if (message.kind === "state") this.#known.set(message.sessionId, message.state.version);
    if (message.kind === "gone") this.#known.delete(message.sessionId);
    this.#options.onMessage(message);
  }
}

const readers: Readonly<Record<WatchSelection["reader"], TransportEnd>> = {
  host: TransportEnd.HOST,
  manager: TransportEnd.MANAGER,
  onlooker: TransportEnd.UNSPECIFIED,
};

function toRequest({
  sessions,
  knownVersions,
  reader,
}: WatchSelection): MessageInitShape<typeof WatchTransportRequestSchema> {
  return {
    ...(sessions.kind === "named"
      ? { sessionIds: [...sessions.ids] }
      : { privateBeachId: sessions.beachId }),
    knownVersions: Object.fromEntries(
      [...knownVersions].map(([id, version]) => [id, BigInt(version)]),
    ),
    reader: readers[reader],
  };
}

function seeMessage({ event, coalesced }: WatchTransportResponse): Message {
  switch (event.case) {
    case "state": {
      const { value } = event;
      return { kind: "state", sessionId: value.sessionId, state: seeState(value), coalesced };
    }
    case "gone": {
      const { sessionId, reason } = event.value;
      return { kind: "gone", sessionId, reason, coalesced };
    }
    case "bookmark":
      return { kind: "bookmark", repeatsEveryMs: durationMs(required(event.value.repeatsEvery)) };
    case "draining":
      return { kind: "draining" };
    case "bearerExpiring":
    case undefined:
      throw new Error("a stream was told something that nobody says here");
  }
}
