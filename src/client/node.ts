import type { Interceptor, Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";

/** Texts in PEM. */
export interface NodeTransportTls {
  /** The authority of the service's certificate; those that Node trusts when left out. */
  readonly ca?: string;
  /** The certificate to call with, and its key: the internal door may ask for one. */
  readonly cert?: string;
  readonly key?: string;
}

export interface NodeTransportOptions {
  /** Of a door of the service, such as `http://127.0.0.1:50051`; `https` for one with TLS. */
  readonly baseUrl: string;
  /**
   * `grpc` for the internal door. The public door speaks `connect`; with TLS also `connect-http2` and
   * `grpc`.
   */
  readonly protocol: "grpc" | "connect" | "connect-http2";
  /** Such as one that sets the bearer of each call. */
  readonly interceptors?: readonly Interceptor[];
  readonly tls?: NodeTransportTls;
  /** After this much silence on a connection in use, the client pings. */
  readonly pingIntervalMs?: number;
  /** Without an answer in this time the connection is closed, and its calls fail. */
  readonly pingTimeoutMs?: number;
}

/** A transport for Node that has to be closed. */
export interface NodeTransport extends Transport {
  /** Closes the connections there are. */
  close(): void;
}

/** Well before the silence of this process would count against a fast path. */
const pings = { pingIntervalMs: 5_000, pingTimeoutMs: 5_000 } as const;

/**
 * A transport that closes a connection on which nothing comes back: the other end may have vanished
 * or stand still, and the next connection may lead to another replica. Over HTTP/2 it pings (gRPC
 * A8, client-side keepalive); over HTTP/1.1 a call that is given up takes its connection with it.
 */
export function createNodeTransport(options: NodeTransportOptions): NodeTransport {
  const { baseUrl, protocol, interceptors = [], tls = {}, ...given } = options;
  const common = { baseUrl, interceptors: [...interceptors] };
  if (protocol === "connect") {
    const transport = createConnectTransport({ ...common, httpVersion: "1.1", nodeOptions: tls });
    return withClose(transport, () => undefined);
  }
  const sessionManager = new CalmSessions(baseUrl, { ...pings, ...given }, tls);
  const transport =
    protocol === "grpc"
      ? createGrpcTransport({ ...common, sessionManager })
      : createConnectTransport({ ...common, httpVersion: "2", sessionManager });
  return withClose(transport, () => sessionManager.abort());
}

/**
 * A connection that breaks says so a moment after its calls have failed. When it has been given up by
 * then, nobody listens any more, and Node would end the process.
 */
class CalmSessions extends Http2SessionManager {
  readonly #calmed = new WeakSet<object>();

  override async request(
    ...call: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session !== undefined && !this.#calmed.has(session)) {
      this.#calmed.add(session);
      session.on("error", () => undefined);
    }
    return stream;
  }
}

function withClose(transport: Transport, close: () => void): NodeTransport {
  return {
    unary: (...call) => transport.unary(...call),
    stream: (...call) => transport.stream(...call),
    close,
  };
}
