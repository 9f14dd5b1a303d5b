import { constants, type Http2SecureServer, type ServerHttp2Session } from "node:http2";

import {
  type ChannelOptions,
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
} from "@grpc/grpc-js";

import { formatListenAddress, type ListenAddress } from "../../settings/listen-address.ts";
import { Arrivals } from "../connections/arrivals.ts";
import type { CallAfter, ConnectionOptions, Door } from "../door.ts";
import { admitStreams } from "../http2/admit-streams.ts";
import { OpenCalls } from "../http2/open-calls.ts";
import { rejectsStreams } from "../http2/rejected-streams.ts";
import { ResetBudget } from "../http2/reset-budget.ts";
import { onTransportError } from "../http2/session-errors.ts";
import { giveNotice } from "../http2/session-notice.ts";
import type { Intake } from "../intake/intake.ts";
import type { Outbox } from "../outbox.ts";
import type { ServedService } from "../served-service.ts";
import { endFailedHandshakes, handshakeOptions } from "../tls/handshakes.ts";
import type { TlsIdentity } from "../tls/tls-identity.ts";
import { carryCall } from "./grpc-call.ts";
import {
  closeListeners,
  http2ServersOf,
  refuseForCalls,
  refusesNoCall,
  sessionsOf,
  setHttp2Options,
} from "./grpc-http2.ts";
import { grpcMethods } from "./grpc-methods.ts";
import { reflectionMethods } from "./grpc-reflection.ts";

const second = 1000;
/** Streams that one connection may have open. */
const streamsMax = 20_000;

const channelOptions: ChannelOptions = {
  // A peer that vanished is noticed within 30 s, so that its streams cost nothing.
  "grpc.keepalive_time_ms": 20 * second,
  "grpc.keepalive_timeout_ms": 10 * second,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.max_concurrent_streams": streamsMax,
  // Figures of each call and connection that nobody here reads.
  "grpc.enable_channelz": 0,
  // Megabytes that one connection may hold in headers and windows.
  "grpc-node.max_session_memory": 256,
};

/**
 * A client may reset all its streams at once: Node would end the connection after 1000, and with it
 * the streams of everybody who shares it. These are a bucket of tokens, and how many are put back in
 * a second.
 */
const resets = { streamResetBurst: streamsMax, streamResetRate: 1000 } as const;

export interface GrpcDoorOptions {
  readonly listen: ListenAddress;
  /** Undefined: the door speaks in clear. */
  readonly tls: TlsIdentity | undefined;
  readonly services: readonly ServedService[];
  readonly connections: ConnectionOptions;
  readonly intake: Intake;
  readonly outbox: Outbox;
  readonly callAfter: CallAfter;
  /** Called with each connection that HTTP/2 itself ended, and why. */
  readonly onTransportError: (detail: string) => void;
}

/** Opens the internal door: gRPC over HTTP/2, in clear or over TLS. */
export async function openGrpcDoor(options: GrpcDoorOptions): Promise<Door> {
  const { listen, tls, services, intake, outbox, callAfter, connections } = options;
  // It writes to standard error by itself; what matters of that comes back as an error too.
  setLogVerbosity(logVerbosity.NONE);
  const ways = { intake, outbox, callAfter };
  const descs = services.map(({ service }) => service);
  const methods = new Map([...grpcMethods(services, ways), ...reflectionMethods(descs, ways)]);
  const server = new Server(channelOptions);
  setHttp2Options(server, {
    ...resets,
    ...rejectsStreams,
    ...handshakeOptions({
      budgets: intake.budgets,
      turns: connections.turns,
      protocols: ["h2"],
    }),
    settings: { maxHeaderListSize: intake.budgets.limit("header_bytes") },
  });
  const port = await bind(server, formatListenAddress(listen), credentialsOf(tls));
  const arrivals = new Arrivals(connections.sleep);
  const calls = new OpenCalls(intake.budgets, "open_calls");
  const addressResets = new ResetBudget(intake.budgets);
  const closed = new AbortController();
  void addressResets.refill(connections.sleep, closed.signal);
  for (const http2Server of http2ServersOf(server)) {
    http2Server.maxConnections = connections.connectionsMax;
    http2Server.on("drop", connections.onDropped);
    tls?.certify(http2Server as Http2SecureServer);
    endFailedHandshakes(http2Server, intake.budgets);
    admitStreams(http2Server, {
      refuses: (stream, headers) => refusesNoCall(methods, stream, headers),
      carries(stream, headers) {
        const method = methods.get(headers[":path"] ?? "");
        if (method !== undefined) carryCall(stream, headers, method);
        return method !== undefined;
      },
      refuseForCalls,
      budgets: intake.budgets,
      arrivals,
      resets: addressResets,
      turns: connections.turns,
      calls,
    });
    onTransportError(http2Server, options.onTransportError);
  }
  return {
    address: { host: listen.host, port },
    async finish() {
      await arrivals.end(() => closeListeners(server));
      await giveNotice(sessionsOf(server), connections.sleep);
      await shutDown(server);
    },
    async cutOff() {
      closed.abort();
      // Without channelz, grpc-js 1.14 ends no connections here.
      for (const session of sessionsOf(server))
        session.destroy(undefined, constants.NGHTTP2_CANCEL);
      server.forceShutdown();
    },
  };
}

/** Closes each connection when its calls have ended. grpc-js waits for none without channelz. */
async function shutDown(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
  });
  await Promise.all([ended, ...sessionsOf(server).map(closeWhenIdle)]);
}

function closeWhenIdle(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.destroyed) return resolve();
    session.once("close", resolve);
    session.close();
  });
}

function credentialsOf(tls: TlsIdentity | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { cert, key, ca } = tls.files;
  const pairs = [{ cert_chain: cert, private_key: key }];
  return ServerCredentials.createSsl(ca ?? null, pairs, ca !== undefined);
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}
