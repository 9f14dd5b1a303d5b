import { TransportPath, type TransportState } from "../../gen/beach/controller/v1/transport_pb.js";

/** What a host's HTTP action poller should do, and why. */
export type PollerDirective =
  | { readonly kind: "paused" }
  | {
      readonly kind: "running";
      readonly because: "manager_requires_http" | "fast_path_inactive";
    };

type IsUp = (handshakeId: string) => boolean;

/**
 * The state that the poller goes by: the latest one, unless its generation is lower. A generation
 * only grows, so that such a state comes from a service that has forgotten: what it said before
 * stands while the host's own channel shows that it still holds.
 */
export function standingWord(
  word: TransportState | undefined,
  latest: TransportState | undefined,
  isUp: IsUp,
): TransportState | undefined {
  if (word === undefined || latest === undefined) return latest;
  return latest.generation < word.generation && isUp(word.handshakeId) ? word : latest;
}

/** Paused only while the service and the host's own channel agree. */
export function directPoller(word: TransportState | undefined, isUp: IsUp): PollerDirective {
  if (word?.path !== TransportPath.FAST_PATH) {
    return { kind: "running", because: "manager_requires_http" };
  }
  return isUp(word.handshakeId)
    ? { kind: "paused" }
    : { kind: "running", because: "fast_path_inactive" };
}
