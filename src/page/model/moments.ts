import { type Duration, durationMs, type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";

/**
 * How far the service's clock is ahead of this page's, as an answer shows it that names one instant
 * both ways: as a moment, and as what remains until then. Milliseconds.
 */
export function skewMs(
  moment: Timestamp | undefined,
  remaining: Duration | undefined,
  nowMs: number,
): number | undefined {
  if (moment === undefined || remaining === undefined) return undefined;
  const remainingMs = durationMs(remaining);
  // What has passed is shown as nothing, and says no more when it was.
  return remainingMs <= 0 ? undefined : timestampMs(moment) - remainingMs - nowMs;
}

/** A moment of the service on this page's clock, and never in the future of what was just heard. */
export function pastMoment(
  moment: Timestamp | undefined,
  { nowMs, skewMs }: { readonly nowMs: number; readonly skewMs: number },
): number {
  return moment === undefined ? nowMs : Math.min(nowMs, timestampMs(moment) - skewMs);
}

/** In milliseconds; undefined where the message has none. */
export function msOf(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}
