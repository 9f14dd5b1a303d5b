import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";

import type { WatchStatus } from "../watch/transport-watcher.ts";
import { useLeaseClient } from "./provider.ts";
import {
  type ControllerLeaseView,
  idleView,
  type LeaseOptions,
  SharedLeases,
} from "./shared-leases.ts";

/**
 * Holds a controller lease on a session while the component is mounted, and shows how it is.
 * Components that name the same session share one lease.
 *
 * @param session its id, or what {@link LeaseClient.hold} takes; undefined: none for now
 */
export function useControllerLease(
  session: string | LeaseOptions | undefined,
): ControllerLeaseView {
  const leases = SharedLeases.of(useLeaseClient());
  const options = typeof session === "string" ? { sessionId: session } : session;
  const key = keyOf(options);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const subscribe = useCallback(
    (onChange: () => void) => {
      const held = optionsOf(key);
      if (held === undefined) return () => undefined;
      return leases.use(key, held, () => latest.current?.onRelay, onChange);
    },
    [leases, key],
  );
  return useSyncExternalStore(
    subscribe,
    () => leases.view(key),
    () => idleView,
  );
}

/** Whether the page's one watch stream is up. While it is not, what is shown are the last states. */
export function useWatchStatus(): WatchStatus {
  const { watch } = useLeaseClient();
  return useSyncExternalStore(
    useCallback((onChange: () => void) => watch.onStatus(onChange), [watch]),
    () => watch.status,
    () => "stopped",
  );
}

/** What makes one lease another; a callback does not. */
function keyOf(options: LeaseOptions | undefined): string {
  if (options === undefined) return "";
  const { sessionId, reason, privateBeachId, passcode, accountId } = options;
  return JSON.stringify({ sessionId, reason, privateBeachId, passcode, accountId });
}

function optionsOf(key: string): LeaseOptions | undefined {
  return key === "" ? undefined : (JSON.parse(key) as LeaseOptions);
}
