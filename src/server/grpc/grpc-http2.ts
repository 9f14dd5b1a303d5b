import type {
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
  ServerOptions,
} from "node:http2";
import { Server as NetServer } from "node:net";

import { Code, ConnectError } from "@connectrpc/connect";
import type { Server } from "@grpc/grpc-js";
import { refusalToConnectError } from "../../api/refusal/error-mapping.ts";
import { admitDeadline, type HeaderFault } from "../call-deadline.ts";
import { refusalBody } from "../connections/parser-refusal.ts";
import { spent } from "../held-bytes.ts";
import { closeInput } from "../http2/close-input.ts";
import type { CallRefusal } from "../http2/open-calls.ts";
import { refuseWith } from "./grpc-status.ts";

/** What grpc-js keeps to itself: it has no options of its own for what is set here. */
interface Inside {
  readonly commonServerOptions?: ServerOptions;
  readonly http2Servers?: ReadonlyMap<Http2Server, Bound>;
}

interface Bound {
  readonly sessions: ReadonlySet<ServerHttp2Session>;
}

/** Sets options of the HTTP/2 servers that `server` makes when it binds. */
export function setHttp2Options(server: Server, options: ServerOptions): void {
  const { commonServerOptions } = server as unknown as Inside;
  if (commonServerOptions === undefined) throw new Error("grpc-js has no options for HTTP/2");
  const settings = { ...commonServerOptions.settings, ...options.settings };
  Object.assign(commonServerOptions, options, { settings });
}

/** The HTTP/2 servers behind `server`, one for each address that it is bound to. */
export function http2ServersOf(server: Server): readonly Http2Server[] {
  return [...boundIn(server).keys()];
}

function boundIn(server: Server): ReadonlyMap<Http2Server, Bound> {
  const { http2Servers } = server as unknown as Inside;
  if (http2Servers === undefined) throw new Error("grpc-js has no HTTP/2 servers");
  return http2Servers;
}

/** Refuses, at the door of gRPC, what is no call of a method that it has; says whether it did. */
export function refusesNoCall(
  methods: { has(path: string): boolean },
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): boolean {
  if (!isGrpc(headers)) {
    refuseType(stream);
    return true;
  }
  if (refuseFault(stream, headers)) return true;
  if (methods.has(headers[":path"] ?? "")) return false;
  refuseWith(stream, new ConnectError("no such method is known here", Code.Unimplemented));
  return true;
}

/** Refuses a call whose headers cannot be read; says whether it did. */
export function refuseFault(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
  const fault = admitDeadline(headers);
  if (fault === undefined) return false;
  refuseWith(stream, new ConnectError(unreadable(fault), Code.InvalidArgument));
  return true;
}

/** Closes the listeners alone: the way of HTTP/2 closes the sessions as well. */
export function closeListeners(server: Server): void {
  for (const http2Server of boundIn(server).keys()) NetServer.prototype.close.call(http2Server);
}

/** The connections there are, to whichever address. */
export function sessionsOf(server: Server): readonly ServerHttp2Session[] {
  return [...boundIn(server).values()].flatMap((bound) => [...bound.sessions]);
}

function isGrpc({ "content-type": type = "" }: IncomingHttpHeaders): boolean {
  return type.startsWith("application/grpc");
}

/** A caller that does not speak gRPC cannot read its status. */
function refuseType(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 415, "content-type": "application/json; charset=utf-8" });
  stream.end(refusalBody('"content-type" must be application/grpc'));
  stream.resume();
  stream.once("finish", () => closeInput(stream));
}

function unreadable({ header, mustBe }: HeaderFault): string {
  return `Cannot read the request: "${header}" ${mustBe}`;
}

/** Refuses a call where the door has no room for it. */
export function refuseForCalls(stream: ServerHttp2Stream, what: CallRefusal): void {
  refuseWith(stream, refusalToConnectError(spent(what), "begin the call"));
}
