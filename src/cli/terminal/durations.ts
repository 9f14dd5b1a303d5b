import type { Duration } from "@bufbuild/protobuf/wkt";
import { durationMs } from "@bufbuild/protobuf/wkt";

import { badUsage } from "../failure.ts";

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `500ms`, `30s`, `10m`, `2h` or `0` in milliseconds; anything else is a failure. */
export function parseDuration(option: string, text: string): number {
  if (text === "0") return 0;
  const { count, unit } = /^(?<count>\d{1,6})(?<unit>ms|s|m|h)$/.exec(text)?.groups ?? {};
  if (count === undefined) {
    throw badUsage(`${option} is "${text}": it must be a duration, as 30s, 10m or 2h`);
  }
  return Number(count) * unitMs[unit as keyof typeof unitMs];
}

const timeoutMsMax = 24 * unitMs.h;

/** `--timeout` in milliseconds: longer than nothing, and within what timers can hold. */
export function parseTimeout(text: string): number {
  const timeoutMs = parseDuration("--timeout", text);
  if (timeoutMs > 0 && timeoutMs <= timeoutMsMax) return timeoutMs;
  throw badUsage(`--timeout is "${text}": it must be longer than 0 and up to 24h`);
}

/** `58 s`, `12 min`, `5 h`, `3 d`; `-` for none. */
export function durationWords(duration: Duration | undefined): string {
  if (duration === undefined) return "-";
  const seconds = Math.max(0, Math.round(durationMs(duration) / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** Whole milliseconds, or null. */
export function msOf(duration: Duration | undefined): number | null {
  return duration === undefined ? null : Math.round(durationMs(duration));
}
