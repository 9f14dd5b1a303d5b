import { create } from "@bufbuild/protobuf";
import {
  type Duration,
  DurationSchema,
  type Timestamp,
  TimestampSchema,
} from "@bufbuild/protobuf/wkt";

import type { DurationMs, EpochMs } from "../core/time.ts";

/** Whole milliseconds; never negative, for what has passed has nothing left. */
export function toDuration(duration: DurationMs): Duration {
  return create(DurationSchema, partsOf(wholeDuration(duration)));
}

/** @param wall a moment on the wall clock */
export function toTimestamp(wall: EpochMs): Timestamp {
  return create(TimestampSchema, partsOf(wholeMoment(wall)));
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

function partsOf(whole: number): { readonly seconds: bigint; readonly nanos: number } {
  const seconds = Math.floor(whole / 1000);
  return { seconds: BigInt(seconds), nanos: (whole - seconds * 1000) * 1_000_000 };
}
