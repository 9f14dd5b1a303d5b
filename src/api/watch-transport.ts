import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import type { Principal } from "../auth/principal.ts";
import type {
  ControllerLease,
  WatchTransportResponseSchema,
} from "../gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseService, WatchMessage, WatchSelection } from "../service/lease-service.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { enter } from "./gate.ts";
import type { Handlers } from "./handlers.ts";
import { toDuration } from "./moments.ts";
import { parseWatch } from "./parse-watch.ts";
import { presentTransport } from "./present-transport.ts";
import { valueOrThrow } from "./unary.ts";
import { WatchFilter } from "./watch-filter.ts";

const action = "watch the transport";

/** Streams what the service tells, as far as the caller reaches, until either side ends it. */
export function createWatchTransport(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["watchTransport"] {
  const { service } = dependencies;
  return async function* (request, call) {
    const entered = await enter(dependencies, "WatchTransport", call.requestHeader);
    const principal = valueOrThrow(entered, action);
    const selection = within(principal, valueOrThrow(parseWatch(request), action));
    const filter = new WatchFilter(service, principal);
    let drained = false;
    for await (const message of service.watch(selection, call.signal)) {
      const shown = await filter.show(message);
      if (shown !== undefined) yield presentMessage(shown, service);
      drained ||= message.kind === "draining";
    }
    if (drained || !call.signal.aborted) {
      throw new ConnectError(
        "Cannot watch the transport any longer: the server is going away, reconnect",
        Code.Unavailable,
      );
    }
  };
}

/** A beach that the principal does not reach has no sessions for it. */
function within({ reach }: Principal, selection: WatchSelection): WatchSelection {
  const { sessions } = selection;
  if (sessions.kind === "named" || reach.kind === "every") return selection;
  const own = reach.kind === "beach" && reach.beachId === sessions.beachId;
  return own ? selection : { ...selection, sessions: { kind: "named", ids: [] } };
}

function presentMessage(
  message: WatchMessage,
  service: LeaseService,
): MessageInitShape<typeof WatchTransportResponseSchema> {
  switch (message.kind) {
    case "state":
      return {
        event: { case: "state", value: presentTransport(message.session, service) },
        coalesced: message.coalesced,
      };
    case "gone":
      return {
        event: { case: "gone", value: { sessionId: message.sessionId, reason: message.reason } },
        coalesced: message.coalesced,
      };
    case "bookmark": {
      const repeatsEvery = toDuration(message.repeatsEveryMs);
      return { event: { case: "bookmark", value: { repeatsEvery } } };
    }
    case "draining": {
      const reconnectAfter = toDuration(message.reconnectAfterMs);
      return { event: { case: "draining", value: { reconnectAfter } } };
    }
  }
}
