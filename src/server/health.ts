import { Code, ConnectError } from "@connectrpc/connect";

import type { Handlers } from "../api/call/handlers.ts";
import { quoted } from "../api/request/quoted.ts";
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../gen/grpc/health/v1/health_pb.js";
import { AbortListeners } from "./abort-listeners.ts";

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
  const drain = new AbortListeners(closing);
  const status = (): Status => (closing.aborted ? Status.NOT_SERVING : Status.SERVING);
  return {
    async check({ service }) {
      if (known.has(service)) return { status: status() };
      throw new ConnectError(`no service ${quoted(service)} is known here`, Code.NotFound);
    },
    async *watch({ service }, { signal }) {
      const first = known.has(service) ? status() : Status.SERVICE_UNKNOWN;
      yield { status: first };
      await firstAbort(signal, drain);
      if (first === Status.SERVING && !signal.aborted) yield { status: status() };
    },
  };
}

/** Without a signal of its own, as `AbortSignal.any` makes: there may be thousands of watches. */
function firstAbort(call: AbortSignal, drain: AbortListeners): Promise<void> {
  if (call.aborted || drain.signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = (): void => {
      drain.delete(over);
      resolve();
    };
    drain.add(over);
    call.addEventListener("abort", over, { once: true });
  });
}
