import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";

import {
  createBackoff,
  HostFollower,
  type PollerDirective,
  type ReportedConnection,
  type ReportedHandshake,
  TransportReporter,
} from "../../src/client/host.ts";
import {
  ControllerLease,
  type HandshakeKind,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ChannelState,
  ConnectionState,
  TransportEnd,
} from "../../src/gen/beach/controller/v1/transport_pb.js";
import { allChannels, freshId } from "../api/conformance/conformance-subject.ts";
import { type SeenStates, watchStates } from "./seen-states.ts";

/** Where the clients find the service: its doors behind balancers. */
export interface BalancedDoors {
  readonly grpcUrl: string;
  readonly httpUrl: string;
}

/** One session with its host and its tile, as they lived through it. */
export interface SessionStory {
  readonly sessionId: string;
  /** The directives for the host's poller, in order. */
  readonly poller: readonly PollerDirective["kind"][];
  readonly tile: TileStory;
}

export interface TileStory {
  readonly leaseIds: ReadonlySet<string>;
  readonly outcomes: readonly HandshakeKind[];
  /** What calls failed with that were made again. */
  readonly failures: readonly string[];
  /** Between two answers. */
  readonly longestSilenceMs: number;
}

/**
 * A manager, hosts and tiles made of the client library, whose connections are always well. Host and
 * tile of every other session speak Connect. Disposing it stops them all.
 */
export interface BeachOfClients extends AsyncDisposable {
  readonly stories: readonly SessionStory[];
  /** What the manager received about all sessions. */
  readonly seen: SeenStates;
}

export const privateBeachId = "beach-1";
const renewEveryMs = 250;
const callTimeoutMs = 5_000;

/** Resolves when every session is on its fast path, and its host's poller rests. */
export async function startBeachOfClients(
  { grpcUrl, httpUrl }: BalancedDoors,
  sessions: number,
): Promise<BeachOfClients> {
  await using starting = new AsyncDisposableStack();
  const sessionManager = new Http2SessionManager(grpcUrl);
  starting.defer(() => sessionManager.abort());
  const grpc = createGrpcTransport({ baseUrl: grpcUrl, sessionManager });
  const connect = createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1" });
  const manager = starting.adopt(reporterOf(TransportEnd.MANAGER, grpc), (it) => it.stop());
  const seen = starting.use(watchStates(grpc, { privateBeachId }));
  const registry = createClient(FastPathRegistry, grpc);
  const stories = await Promise.all(
    Array.from({ length: sessions }, async (_, index) => {
      const sessionId = freshId();
      await registry.attachSession({ sessionId, privateBeachId, hostReports: true });
      const transport = index % 2 === 0 ? grpc : connect;
      const host = starting.use(startHost(sessionId, transport, manager));
      const tile = starting.use(startTile(sessionId, transport));
      await host.isUp;
      return { sessionId, poller: host.poller, tile };
    }),
  );
  const running = starting.move();
  return { stories, seen, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function reporterOf(end: TransportEnd, transport: Transport): TransportReporter {
  const reporter = new TransportReporter({ transport, end, onRetired: () => undefined });
  reporter.start();
  return reporter;
}

interface Host extends AsyncDisposable {
  readonly poller: readonly PollerDirective["kind"][];
  readonly isUp: Promise<void>;
}

/** Builds what it is offered, at once and at both ends. */
function startHost(sessionId: string, transport: Transport, manager: TransportReporter): Host {
  const reporter = reporterOf(TransportEnd.HOST, transport);
  const poller: PollerDirective["kind"][] = [];
  let restsNow: () => void;
  const isUp = new Promise<void>((resolve) => {
    restsNow = resolve;
  });
  const follower = new HostFollower({
    transport,
    sessionId,
    onOffer: ({ handshakeId }) => {
      for (const end of [manager, reporter]) end.hold(connectionOf({ sessionId, handshakeId }));
      follower.channelIs(handshakeId, true);
    },
    onPoller: ({ kind }) => {
      poller.push(kind);
      if (kind === "paused") restsNow();
    },
    onState: (state) => reporter.know(state),
  });
  follower.start();
  return {
    poller,
    isUp,
    async [Symbol.asyncDispose]() {
      await Promise.all([follower.stop(), reporter.stop()]);
    },
  };
}

function connectionOf(handshake: ReportedHandshake): ReportedConnection {
  const channels = allChannels.map((label) => ({ label, state: ChannelState.READY }));
  return {
    ...handshake,
    transportId: randomUUID(),
    observe: () => ({ connection: ConnectionState.CONNECTED, channels }),
  };
}

/** Takes a lease, renews it, and makes each call that fails again after a back-off. */
function startTile(sessionId: string, transport: Transport): TileStory & AsyncDisposable {
  const leases = createClient(ControllerLease, transport);
  const stop = new AbortController();
  const options = { timeoutMs: callTimeoutMs, signal: stop.signal };
  const story = {
    leaseIds: new Set<string>(),
    outcomes: [] as HandshakeKind[],
    failures: [] as string[],
    longestSilenceMs: 0,
  };
  const hold = async (): Promise<void> => {
    const backoff = createBackoff();
    let token = "";
    let receivedAt = performance.now();
    while (!stop.signal.aborted) {
      try {
        const answer =
          token === ""
            ? await leases.acquire({ sessionId, reason: "tile" }, options)
            : await leases.renew({ sessionId, controllerToken: token }, options);
        if ("controllerToken" in answer) token = answer.controllerToken;
        story.leaseIds.add(answer.lease?.leaseId ?? "");
        story.outcomes.push(answer.handshakeKind);
        story.longestSilenceMs = Math.max(story.longestSilenceMs, performance.now() - receivedAt);
        receivedAt = performance.now();
        backoff.reset();
        await pause(renewEveryMs, stop.signal);
      } catch (error) {
        if (stop.signal.aborted) return;
        const { code, message } = ConnectError.from(error);
        story.failures.push(message);
        if (code === Code.FailedPrecondition) token = "";
        await pause(backoff.nextMs(), stop.signal);
      }
    }
  };
  const holding = hold();
  return Object.assign(story, {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await holding;
    },
  });
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await delay(durationMs, undefined, { signal }).catch(() => undefined);
}
