import { Code, ConnectError } from "@connectrpc/connect";

import { type Principal, reaches } from "../../auth/principal.ts";
import type { SessionId } from "../../core/ids.ts";
import type {
  ControllerLease,
  WatchTransportRequest,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseService, WatchSelection, WatchStream } from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { enter, find } from "../call/gate.ts";
import type { Call, Handlers } from "../call/handlers.ts";
import { refusalToConnectError, thrownRefusal, valueOrThrow } from "../refusal/error-mapping.ts";
import { DirectSink } from "./direct-sink.ts";
import { parseWatch } from "./parse-watch.ts";
import { WatchFilter } from "./watch-filter.ts";
import { EncodedMessages, presentMessage } from "./watch-message.ts";

const action = "watch the transport";

/** Made once: a stack takes a tenth of a millisecond, and a drain may end 40,000 streams. */
const goingAway = new ConnectError(
  "Cannot watch the transport any longer: the server is going away, reconnect",
  Code.Unavailable,
);

/** Streams the messages that the caller may see, until either side ends it. */
export function createWatchTransport(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["watchTransport"] {
  const { service } = dependencies;
  const encoded = new EncodedMessages(service);
  return async function* (request, call) {
    try {
      const { filter, messages } = await open(dependencies, request, call);
      let isDirect = false;
      for await (const message of messages) {
        const shown = await filter.show(message);
        if (shown !== undefined) yield presentMessage(shown, service);
        if (message.kind === "draining") throw goingAway;
        if (isDirect || shown === undefined) continue;
        // The first message has left with the headers.
        const stream = call.direct?.();
        if (stream !== undefined) messages.divert(new DirectSink({ filter, encoded, stream }));
        isDirect = true;
      }
    } catch (thrown) {
      const refusal = thrownRefusal(thrown);
      throw refusal === undefined ? thrown : refusalToConnectError(refusal, action);
    }
    if (!call.signal.aborted) throw goingAway;
  };
}

/** Who reads, and what there is to read. */
async function open(
  dependencies: ApiDependencies,
  request: WatchTransportRequest,
  call: Call,
): Promise<{ filter: WatchFilter; messages: WatchStream }> {
  const { service, door } = dependencies;
  const { connection } = call;
  const entered = await enter(dependencies, "WatchTransport", call);
  const principal = valueOrThrow(entered, action);
  const names = request.sessionIds.length + Object.keys(request.knownVersions).length;
  await service.watchTurn(names, connection);
  const asked = valueOrThrow(parseWatch(request), action);
  // The request lives as long as its stream, which needs no more of it.
  request.sessionIds = [];
  request.knownVersions = {};
  const bearerEndsAt = principal.expiresAt;
  const selection = { ...(await within(service, principal, asked)), bearerEndsAt };
  const reset = (): void => call.reset?.();
  const messages = service.watch(selection, call.signal, { reset, connection, door });
  return { filter: new WatchFilter(service, principal, selection), messages };
}

/**
 * A beach that the principal does not reach has no sessions for it. A caller never counts as the
 * host of sessions that are not its own: their offers would count as delivered.
 */
async function within(
  service: LeaseService,
  principal: Principal,
  selection: WatchSelection,
): Promise<WatchSelection> {
  const { reach } = principal;
  const { sessions } = selection;
  if (reach.kind === "every") return selection;
  if (sessions.kind === "beach") {
    const own = reach.kind === "beach" && reach.beachId === sessions.beachId;
    return own ? selection : { ...selection, sessions: { kind: "named", ids: [] } };
  }
  if (selection.reader !== "host") return selection;
  for (const id of sessions.ids) {
    if (!(await mayBecomeOwn(service, principal, id))) return { ...selection, reader: "onlooker" };
  }
  return selection;
}

async function mayBecomeOwn(
  service: LeaseService,
  principal: Principal,
  id: SessionId,
): Promise<boolean> {
  const found = await find(service, id);
  if (found.kind === "refused") return false;
  return found.value === undefined || reaches(principal, found.value);
}
