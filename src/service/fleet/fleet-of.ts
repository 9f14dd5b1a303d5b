import { type Policy, sharedPolicy } from "../../core/policy.ts";
import type { ServiceObserver } from "../service-events.ts";
import type { SessionStore } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import type { Fleet } from "./fleet.ts";
import { FleetOfOne } from "./fleet-of-one.ts";
import { SharedFleet } from "./shared-fleet.ts";

interface FleetDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
}

/** The processes that serve the store, of which this is one. */
export function fleetOf({ store, clock, observe }: FleetDeps): Fleet {
  switch (store.kind) {
    case "sole":
      return new FleetOfOne({ store, clock, observe });
    case "shared":
      return new SharedFleet({ store, clock, observe });
  }
}

/** The policy for a store. Processes that share one do not write reports without news. */
export function policyFor(store: SessionStore, policy: Policy): Policy {
  return store.kind === "shared" ? sharedPolicy(policy) : policy;
}
