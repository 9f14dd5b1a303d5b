import { Code, ConnectError } from "@connectrpc/connect";

import type { Handlers } from "../api/call/handlers.ts";
import { quoted } from "../api/request/quoted.ts";
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../gen/grpc/health/v1/health_pb.js";

/**
 * The standard health protocol for services that are well together until `closing` aborts; every
 * watcher is notified then.
 *
 * @param services full names; the empty name stands for all of them
 */
export function createHealth(
  services: readonly string[],
  closing: AbortSignal,
): Handlers<typeof Health> {
  const known = new Set(["", ...services]);
  const status = (): Status => (closing.aborted ? Status.NOT_SERVING : Status.SERVING);
  return {
    async check({ service }) {
      if (known.has(service)) return { status: status() };
      throw new ConnectError(`no service ${quoted(service)} is known here`, Code.NotFound);
    },
    async *watch({ service }, { signal }) {
      const first = known.has(service) ? status() : Status.SERVICE_UNKNOWN;
      yield { status: first };
      await firstAbort(signal, closing);
      if (first === Status.SERVING && !signal.aborted) yield { status: status() };
    },
  };
}

function firstAbort(...signals: readonly AbortSignal[]): Promise<void> {
  const either = AbortSignal.any([...signals]);
  if (either.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    either.addEventListener("abort", () => resolve(), { once: true });
  });
}
