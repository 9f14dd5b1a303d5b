import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { type Principal, reaches } from "../auth/principal.ts";
import type { SessionId } from "../core/ids.ts";
import type {
  ControllerLease,
  WatchTransportResponseSchema,
} from "../gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseService, WatchMessage, WatchSelection } from "../service/lease-service.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { enter, find } from "./gate.ts";
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
    const entered = await enter(dependencies, "WatchTransport", call);
    const principal = valueOrThrow(entered, action);
    const asked = valueOrThrow(parseWatch(request), action);
    const selection = await within(service, principal, asked);
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

/**
 * A beach that the principal does not reach has no sessions for it. Nobody counts as the host of
 * sessions that are not its own: their offers would pass for delivered.
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
  const own = await Promise.all(sessions.ids.map((id) => mayBecomeOwn(service, principal, id)));
  return own.every(Boolean) ? selection : { ...selection, reader: "onlooker" };
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
