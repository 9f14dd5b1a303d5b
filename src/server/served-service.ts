import type { DescMethod, DescService } from "@bufbuild/protobuf";

import type { Call, Handlers } from "../api/call/handlers.ts";

/** A service and its handlers, in the form in which every door takes them. */
export interface ServedService {
  readonly service: DescService;
  handler(method: DescMethod): UntypedHandler;
}

/** One handler, whatever its kind: {@link DescMethod.methodKind} says what goes in and out. */
export type UntypedHandler = (request: unknown, call: Call) => unknown;

export function serve<S extends DescService>(service: S, handlers: Handlers<S>): ServedService {
  const byName = handlers as Readonly<Record<string, (request: never, call: Call) => unknown>>;
  return {
    service,
    handler(method) {
      const handler = byName[method.localName];
      if (handler === undefined) throw new Error(`${method.name} has no handler`);
      return (request, call) => handler.call(byName, request as never, call);
    },
  };
}
