import type { ControllerLease } from "../gen/beach/controller/v1/controller_lease_pb.js";
import type { ApiDependencies } from "./call/dependencies.ts";
import type { Handlers } from "./call/handlers.ts";
import { createAcquire } from "./leases/acquire.ts";
import { createKeepAlive } from "./leases/keep-alive.ts";
import { createRelease } from "./leases/release.ts";
import { createRenegotiate } from "./leases/renegotiate.ts";
import { createRenew } from "./leases/renew.ts";
import { createWatchTransport } from "./watch/watch-transport.ts";

/** The service ControllerLease, for any door to carry. */
export function createControllerLease(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease> {
  return {
    acquire: createAcquire(dependencies),
    renew: createRenew(dependencies),
    renegotiate: createRenegotiate(dependencies),
    release: createRelease(dependencies),
    keepAlive: createKeepAlive(dependencies),
    watchTransport: createWatchTransport(dependencies),
  };
}
