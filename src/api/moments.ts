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
  const whole = Math.max(0, Math.round(duration));
  const seconds = Math.floor(whole / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: (whole - seconds * 1000) * 1_000_000,
  });
}

/** @param wall a moment on the wall clock */
export function toTimestamp(wall: EpochMs): Timestamp {
  const whole = Math.floor(wall);
  const seconds = Math.floor(whole / 1000);
  return create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: (whole - seconds * 1000) * 1_000_000,
  });
}

/** RFC 3339 in UTC, as the old JSON routes write moments. */
export function toRfc3339(wall: EpochMs): string {
  return new Date(Math.floor(wall)).toISOString();
}
