import type { VerificationKeys } from "./auth/verification-keys.ts";
import type { Readiness, ReadyPart } from "./server/ops-door.ts";
import type { SessionService } from "./service/session-service.ts";

/** What can keep a process from serving. */
export const readyParts: readonly ReadyPart[] = ["store", "keys", "drain"];

/** What a process needs to serve. */
interface Needs {
  readonly service: Pick<SessionService, "reach" | "storeFaults">;
  /** Undefined where no bearer is read. */
  readonly keys: Pick<VerificationKeys, "isLoaded" | "fault"> | undefined;
  /** Aborts when the process begins to drain. */
  readonly closing: AbortSignal;
}

/**
 * Ready as long as any part of the store can be reached, and once keys were loaded: taking every
 * process out of service would make an outage of a part one of the whole.
 */
export function readinessOf({ service, keys, closing }: Needs): Readiness {
  const { reach: store, storeFaults: warnings } = service;
  const missing: Partial<Record<ReadyPart, string>> = {
    ...(store.away === store.parts && { store: "the store cannot be reached" }),
    ...(keys?.isLoaded === false && { keys: `no key set could be loaded yet: ${keys.fault}` }),
    ...(closing.aborted && { drain: "the process drains, and ends" }),
  };
  const isReady = Object.keys(missing).length === 0;
  return {
    status: isReady ? "ready" : "not ready",
    ...(!isReady && { not_ready: missing }),
    ...(store.away > 0 && { store }),
    ...(warnings.length > 0 && { warnings }),
  };
}
