import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import type { ApiDependencies } from "../../src/api/call/dependencies.ts";
import { createControllerLease } from "../../src/api/controller-lease.ts";
import { createFastPathRegistry } from "../../src/api/fast-path-registry.ts";
import { AttachCodes } from "../../src/auth/attach-codes.ts";
import type { Authenticator, Door } from "../../src/auth/authenticator.ts";
import { devAuthenticator } from "../../src/auth/dev-authenticator.ts";
import { devPasscodes } from "../../src/auth/passcode.ts";
import type { Principal } from "../../src/auth/principal.ts";
import { Budgets } from "../../src/budget/budgets.ts";
import { CallRates } from "../../src/budget/call-rates.ts";
import { Places } from "../../src/budget/places.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import type { LeaseService } from "../../src/service/lease-service.ts";

/** Both services of one door, as its callers see them. */
export interface DoorClients {
  readonly lease: Client<typeof ControllerLease>;
  readonly registry: Client<typeof FastPathRegistry>;
}

export function dependenciesFor(
  service: LeaseService,
  overrides: Partial<ApiDependencies> = {},
): ApiDependencies {
  const budgets = new Budgets();
  return {
    budgets,
    callRates: new CallRates(budgets),
    pagePlaces: new Places(budgets, "pages_made_at_once"),
    service,
    authenticator: devAuthenticator,
    passcodes: devPasscodes,
    attachCodes: new AttachCodes(),
    publishTokens: undefined,
    door: "internal",
    defaultManagerUrl: "http://127.0.0.1:8080",
    holdMsMax: defaultPolicy.holdMsMax,
    reportEveryMs: 2000,
    onReportedError: () => undefined,
    onItemFailed: ({ error }) => {
      throw error;
    },
    ...overrides,
  };
}

/** Calls in memory: what a door would carry, without the door. */
export function inMemory(dependencies: ApiDependencies): DoorClients {
  const transport = createRouterTransport((router) => {
    router.service(ControllerLease, createControllerLease(dependencies));
    router.service(FastPathRegistry, createFastPathRegistry(dependencies));
  });
  return {
    lease: createClient(ControllerLease, transport),
    registry: createClient(FastPathRegistry, transport),
  };
}

/** Everybody is this principal. */
export function everybodyIs(principal: Principal): Authenticator {
  return {
    authenticate: () => Promise.resolve({ kind: "authenticated", principal }),
    isCurrent: () => true,
  };
}

/** In memory, called by one principal. */
export function calledBy(
  service: LeaseService,
  principal: Principal,
  overrides: Partial<ApiDependencies> & { readonly door?: Door } = {},
): DoorClients {
  const authenticator = everybodyIs(principal);
  return inMemory(dependenciesFor(service, { authenticator, ...overrides }));
}
