import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { type Principal, reaches } from "../../auth/principal.ts";
import type { SessionId } from "../../core/ids.ts";
import type {
  ControllerLease,
  WatchTransportRequest,
  WatchTransportResponseSchema,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseService, WatchMessage, WatchSelection } from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { enter, find } from "../call/gate.ts";
import type { Call, Handlers } from "../call/handlers.ts";
import { valueOrThrow } from "../call/unary.ts";
import { refusalToConnectError, thrownRefusal } from "../refusal/error-mapping.ts";
import { parseWatch } from "./parse-watch.ts";
import { WatchFilter } from "./watch-filter.ts";
import { EncodedMessages, presentMessage } from "./watch-message.ts";

type Response = MessageInitShape<typeof WatchTransportResponseSchema>;

const action = "watch the transport";

/** Streams what the service tells, as far as the caller reaches, until either side ends it. */
export function createWatchTransport(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["watchTransport"] {
  const { service } = dependencies;
  const encoded = new EncodedMessages(service);
  return async function* (request, call) {
    const present = (message: WatchMessage): Response =>
      call.takesBytes === true ? asIs(encoded.encode(message)) : presentMessage(message, service);
    try {
      const { filter, messages } = await open(dependencies, request, call);
      for await (const message of messages) {
        const shown = filter.isOpen ? message : await filter.show(message);
        if (shown !== undefined) yield present(shown);
        if (message.kind === "draining") throw goingAway();
      }
    } catch (thrown) {
      const refusal = thrownRefusal(thrown);
      throw refusal === undefined ? thrown : refusalToConnectError(refusal, action);
    }
    if (!call.signal.aborted) throw goingAway();
  };
}

/** Who reads, and what there is to read. */
async function open(
  dependencies: ApiDependencies,
  request: WatchTransportRequest,
  call: Call,
): Promise<{ filter: WatchFilter; messages: AsyncIterable<WatchMessage> }> {
  const { service } = dependencies;
  const entered = await enter(dependencies, "WatchTransport", call);
  const principal = valueOrThrow(entered, action);
  const asked = valueOrThrow(parseWatch(request), action);
  const selection = await within(service, principal, asked);
  return {
    filter: new WatchFilter(service, principal),
    messages: service.watch(selection, call.signal, () => call.breakOff?.()),
  };
}

function goingAway(): ConnectError {
  return new ConnectError(
    "Cannot watch the transport any longer: the server is going away, reconnect",
    Code.Unavailable,
  );
}

/** A door that takes bytes passes them on unread. */
function asIs(bytes: Uint8Array): Response {
  return bytes as unknown as Response;
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
