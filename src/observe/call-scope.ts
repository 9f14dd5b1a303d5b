import { type IncomingCall, TaggedRequest, within } from "./requests.ts";
import type { ServedSpan, Tracing } from "./traces/tracing.ts";

/** What surrounds a call while it is served: its id for the log, and its span where there is one. */
export class CallScope extends TaggedRequest {
  readonly #span: ServedSpan | undefined;

  constructor(call: IncomingCall, span: ServedSpan | undefined) {
    super(call);
    this.#span = span;
  }

  /** The work, and all that it awaits, is part of the call. */
  run<T>(work: () => T): T {
    const span = this.#span;
    return span === undefined ? within(this, work) : span.run(() => within(this, work));
  }

  /** So is all that is done to make the items. */
  through<T>(items: AsyncIterable<T>): AsyncIterableIterator<T> {
    const steps = items[Symbol.asyncIterator]();
    return {
      next: () => this.run(() => steps.next()),
      return: async (value) => await this.run(() => steps.return?.(value) ?? { done: true, value }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** @param fault what went wrong on our side */
  end(status: string | number, fault?: string): void {
    this.#span?.end(status, fault);
  }
}

/** Opens the scope of a call. */
export type OpenScope = (call: IncomingCall) => CallScope;

/** For the calls of one rpc at one door. */
export function rpcScopes(
  tracing: Tracing | undefined,
  { system, service, method }: Readonly<Record<"system" | "service" | "method", string>>,
): OpenScope {
  const served = {
    name: `${service}/${method}`,
    attributes: { "rpc.system": system, "rpc.service": service, "rpc.method": method },
    status: "rpc.response.status_code",
  };
  return (call) => new CallScope(call, tracing?.serve(served, call.requestHeader));
}

/** For the requests for one route over HTTP. */
export function routeScopes(
  tracing: Tracing | undefined,
  method: string,
  route: string,
): OpenScope {
  const served = {
    name: `${method} ${route}`,
    attributes: { "http.request.method": method, "http.route": route },
    status: "http.response.status_code",
  };
  return (call) => new CallScope(call, tracing?.serve(served, call.requestHeader));
}
