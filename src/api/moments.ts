import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

import type { DurationMs, EpochMs } from "../core/time.ts";

/** Whole milliseconds; never negative, for what has passed has nothing left. */
export function toDuration(duration: DurationMs): Duration {
  const whole = wholeDuration(duration);
  return {
    $typeName: "google.protobuf.Duration",
    seconds: BigInt(secondsOf(whole)),
    nanos: nanosOf(whole),
  };
}

/** @param wall a moment on the wall clock */
export function toTimestamp(wall: EpochMs): Timestamp {
  const whole = wholeMoment(wall);
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(secondsOf(whole)),
    nanos: nanosOf(whole),
  };
}

/** The milliseconds that {@link toDuration} shows. */
export function wholeDuration(duration: DurationMs): number {
  return Math.max(0, Math.round(duration));
}

/** The milliseconds that {@link toTimestamp} shows. */
export function wholeMoment(wall: EpochMs): number {
  return Math.floor(wall);
}

/** RFC 3339 in UTC, as the old JSON routes write moments. */
export function toRfc3339(wall: EpochMs): string {
  return new Date(Math.floor(wall)).toISOString();
}

function secondsOf(whole: number): number {
  return Math.floor(whole / 1000);
}

function nanosOf(whole: number): number {
  return (whole - secondsOf(whole) * 1000) * 1_000_000;
}
