import { Code, ConnectError } from "@connectrpc/connect";

import { isServed, type RpcName } from "../../auth/authorize.ts";
import type { Principal } from "../../auth/principal.ts";
import { refusalToConnectError, thrownRefusal, valueOrThrow } from "../refusal/error-mapping.ts";
import type { Result } from "../refusal/result.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { enter } from "./gate.ts";
import type { Call } from "./handlers.ts";

/** A unary RPC: authenticate, parse, execute. */
export interface UnaryCall<Request, Asked, Reply> {
  readonly rpc: RpcName;
  /** As it follows "Cannot". */
  readonly action: string;
  readonly parse: (request: Request) => Result<Asked>;
  readonly perform: (principal: Principal, asked: Asked, call: Call) => Promise<Result<Reply>>;
}

/** Throws a ConnectError for every refusal. Anything else it throws is an internal error. */
export function unary<Request, Asked, Reply>(
  dependencies: Pick<ApiDependencies, "authenticator" | "door" | "callRates">,
  { rpc, action, parse, perform }: UnaryCall<Request, Asked, Reply>,
): (request: Request, call: Call) => Promise<Reply> {
  if (!isServed(rpc, dependencies.door)) return () => Promise.reject(notServed(action));
  return async (request, call) => {
    try {
      const principal = valueOrThrow(await enter(dependencies, rpc, call), action);
      const asked = valueOrThrow(parse(request), action);
      return valueOrThrow(await perform(principal, asked, call), action);
    } catch (thrown) {
      const refusal = thrownRefusal(thrown);
      throw refusal === undefined ? thrown : refusalToConnectError(refusal, action);
    }
  };
}

function notServed(action: string): ConnectError {
  const message = `Cannot ${action}: this door does not serve the call, use the internal one`;
  return new ConnectError(message, Code.Unimplemented);
}
