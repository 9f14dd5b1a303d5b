import type { ControllerLease } from "../gen/beach/controller/v1/controller_lease_pb.js";
import { whenReady } from "../service/awaitable.ts";
import type { ApiDependencies } from "./call/dependencies.ts";
import type { Handlers } from "./call/handlers.ts";
import { unary } from "./call/unary.ts";
import { createLeaseCalls } from "./leases/acquire.ts";
import { createKeepAlive } from "./leases/keep-alive.ts";
import { parseAcquire, parseRelease, parseRenegotiate, parseRenew } from "./leases/parse-lease.ts";
import { presentAcquired, presentHeld, presentNegotiated } from "./leases/present-lease.ts";
import { mapDone } from "./refusal/result.ts";
import { createWatchTransport } from "./watch/watch-transport.ts";

/** The service ControllerLease, for any door to carry. */
export function createControllerLease(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease> {
  const { service } = dependencies;
  const calls = createLeaseCalls(dependencies);
  return {
    acquire: unary(dependencies, {
      rpc: "Acquire",
      action: "acquire a lease",
      parse: parseAcquire,
      perform: async (principal, asked) =>
        mapDone(await calls.acquire(principal, asked), (held) => presentAcquired(held, service)),
    }),

    renew: unary(dependencies, {
      rpc: "Renew",
      action: "renew the lease",
      parse: parseRenew,
      perform: (principal, asked) =>
        whenReady(calls.renew(principal, asked), (result) =>
          mapDone(result, (held) => presentHeld(held, service)),
        ),
    }),

    renegotiate: unary(dependencies, {
      rpc: "Renegotiate",
      action: "renegotiate the fast path",
      parse: parseRenegotiate,
      perform: (principal, asked) =>
        whenReady(calls.renegotiate(principal, asked), (result) =>
          mapDone(result, (negotiated) => presentNegotiated(negotiated, service)),
        ),
    }),

    release: unary(dependencies, {
      rpc: "Release",
      action: "release the lease",
      parse: parseRelease,
      perform: (principal, { sessionId, token }) =>
        whenReady(calls.release(principal, sessionId, token), (result) =>
          mapDone(result, (released) => ({ released })),
        ),
    }),

    keepAlive: createKeepAlive(dependencies, calls),
    watchTransport: createWatchTransport(dependencies),
  };
}
