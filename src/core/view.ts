import type {
  End,
  FastPath,
  Handshake,
  PendingDelivery,
  PromotedHandshake,
  Session,
  Transport,
  Witnessed,
} from "./session.ts";
import { type DurationMs, type EpochMs, latest } from "./time.ts";

/** Which path carries controller actions. */
export type TransportPath = "pending" | "fast_path" | "http_fallback";

/** The promoted handshake, usable or lost. */
export function currentOf(path: FastPath): PromotedHandshake | undefined {
  return path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
}

/** The handshake in flight. */
export function nextOf(path: FastPath): Handshake | undefined {
  return path.kind === "negotiating" || path.kind === "replacing" ? path.next : undefined;
}

/** The promoted handshake while its transport is usable: healthy, degraded or stale. */
export function usableOf(path: FastPath): PromotedHandshake | undefined {
  const current = currentOf(path);
  return current === undefined || current.health === "lost" ? undefined : current;
}

/** The delivery of the handshake in flight, while there is one to be made. */
export function pendingDeliveryOf(path: FastPath): PendingDelivery | undefined {
  const delivery = nextOf(path)?.delivery;
  return delivery?.kind === "pending" ? delivery : undefined;
}

/** FAST_PATH while usable; PENDING from attach until the first negotiation ends; else fallback. */
export function pathOf(transport: Transport): TransportPath {
  if (usableOf(transport.path) !== undefined) return "fast_path";
  return transport.settled ? "http_fallback" : "pending";
}

/** No negotiation starts before this unless an operator asks; undefined when one may start now. */
export function nextNegotiationAt(transport: Transport, now: EpochMs): EpochMs | undefined {
  const backoff =
    usableOf(transport.path) === undefined ? transport.recoveries : transport.replacements;
  return backoff.notBefore > now ? backoff.notBefore : undefined;
}

/** Somebody holds a lease, and no path is usable. */
export function isPathMissed({
  leases,
  transport,
}: Pick<Session, "leases" | "transport">): boolean {
  return leases.live.length > 0 && usableOf(transport.path) === undefined;
}

/** When the newest evidence about the promoted transport was observed. */
export function evidenceAt(current: PromotedHandshake): EpochMs | undefined {
  return latest(current.manager?.observedAt, current.host?.observedAt);
}

/** How old the newest evidence of an end was at a moment, but for gaps; undefined without any. */
export function evidenceAge(current: Witnessed, end: End, at: EpochMs): DurationMs | undefined {
  const evidence = current[end];
  return evidence && at - evidence.observedAt - evidence.gapMs;
}
