import { Code, ConnectError } from "@connectrpc/connect";

import type { Handlers } from "../api/handlers.ts";
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../gen/grpc/health/v1/health_pb.js";

/** The standard health protocol for a set of services that are well, or not, together. */
export interface HealthRegister {
  readonly handlers: Handlers<typeof Health>;
  /** From now on nothing is served; every watcher is told. */
  stopServing(): void;
}

/** @param services full names; the empty name stands for all of them */
export function createHealth(services: readonly string[]): HealthRegister {
  const known = new Set(["", ...services]);
  const stop = new AbortController();
  const status = (): Status => (stop.signal.aborted ? Status.NOT_SERVING : Status.SERVING);
  return {
    handlers: {
      async check({ service }) {
        if (known.has(service)) return { status: status() };
        throw new ConnectError(`no service "${service}" is known here`, Code.NotFound);
      },
      async *watch({ service }, { signal }) {
        if (known.has(service)) {
          yield { status: status() };
          if (!stop.signal.aborted) {
            await firstAbort(signal, stop.signal);
            if (!signal.aborted) yield { status: status() };
          }
        } else {
          yield { status: Status.SERVICE_UNKNOWN };
          await firstAbort(signal, stop.signal);
        }
      },
    },
    stopServing: () => stop.abort(),
  };
}

function firstAbort(...signals: readonly AbortSignal[]): Promise<void> {
  const either = AbortSignal.any([...signals]);
  if (either.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    either.addEventListener("abort", () => resolve(), { once: true });
  });
}
