import type { Http2Session } from "node:http2";

import { ChurnMap } from "../../collections/churn-map.ts";
import { ChurnSet } from "../../collections/churn-set.ts";
import { symbolIn } from "./symbol-in.ts";

interface StreamsOfSession {
  streams: unknown;
  pendingStreams: unknown;
}

type Fields = Record<symbol, unknown>;

/**
 * Has a new connection keep its streams in tables that forget what is removed: those of Node keep all
 * streams alive that the connection has had since the last full collection, see {@link ChurnMap}.
 * With a Node that keeps them otherwise, nothing happens.
 */
export function forgetRemoved(session: Http2Session): void {
  const symbol = symbolIn(session, "state");
  const state = symbol && (session as unknown as Fields)[symbol];
  if (!isStreamsOfSession(state)) return;
  state.streams = new ChurnMap();
  state.pendingStreams = new ChurnSet();
}

/** Node's own maps and sets have no prototype to tell them by. */
function isStreamsOfSession(state: unknown): state is StreamsOfSession {
  const { streams, pendingStreams } = (state ?? {}) as {
    streams?: Partial<Map<unknown, unknown>>;
    pendingStreams?: Partial<Set<unknown>>;
  };
  const areTables = streams?.set !== undefined && pendingStreams?.add !== undefined;
  return areTables && streams.size === 0 && pendingStreams.size === 0;
}
