import type { Duration } from "@bufbuild/protobuf/wkt";

import type { DurationMs } from "../../core/time.ts";
import type { FieldCheck } from "./field-check.ts";
import { type Fault, idFault } from "./field-rules.ts";
import { quoted } from "./quoted.ts";

/** The range of google.protobuf.Duration, which a binary message can leave. */
const durationSecondsMax = 315_576_000_000n;

/** One field of one request. */
export interface Field {
  readonly check: FieldCheck;
  readonly name: string;
}

/** A length of time that has to be above zero; undefined when unset or noted as wrong. */
export function parseTtl(field: Field, ttl: Duration | undefined): DurationMs | undefined {
  return parseDuration(field, ttl, (ms) => (ms > 0 ? undefined : "must be above zero"));
}

/** An age: zero or more; undefined when unset or noted as wrong. */
export function parseAge(field: Field, age: Duration | undefined): DurationMs | undefined {
  return parseDuration(field, age, (ms) => (ms >= 0 ? undefined : "must not be negative"));
}

/** Whole milliseconds, rounded away from zero so that nothing above zero becomes zero. */
export function parseDuration(
  { check, name }: Field,
  duration: Duration | undefined,
  faultOf: (ms: DurationMs) => Fault,
): DurationMs | undefined {
  if (duration === undefined) return undefined;
  const fault = isInRange(duration) ? faultOf(toMs(duration)) : "must be a valid duration";
  check.note(name, fault);
  return fault === undefined ? toMs(duration) : undefined;
}

function isInRange({ seconds, nanos }: Duration): boolean {
  const sameSign = seconds === 0n || nanos === 0 || seconds > 0n === nanos > 0;
  return (
    sameSign &&
    -durationSecondsMax <= seconds &&
    seconds <= durationSecondsMax &&
    Math.abs(nanos) <= 999_999_999
  );
}

function toMs({ seconds, nanos }: Duration): DurationMs {
  const part = nanos / 1_000_000;
  return Number(seconds) * 1000 + (part > 0 ? Math.ceil(part) : Math.floor(part));
}

/** A uint64 as a number; 0 when it is noted as too great. */
export function parseCount({ check, name }: Field, count: bigint): number {
  const max = Number.MAX_SAFE_INTEGER;
  const fits = count <= BigInt(max);
  check.note(name, fits ? undefined : `must be at most ${max}`);
  return fits ? Number(count) : 0;
}

/** The path of a map's entry. */
export function entryPath(name: string, key: string): string {
  return `${name}[${quoted(key)}]`;
}

/** Notes each wrong id of a list under its index, or the list when it is too long to look at. */
export function checkIds({ check, name }: Field, ids: readonly string[], max: number): void {
  if (ids.length > max) {
    check.note(name, `must have at most ${max} entries`);
    return;
  }
  for (const [index, id] of ids.entries()) check.note(`${name}[${index}]`, idFault(id));
}
