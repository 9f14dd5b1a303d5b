import type { Gap } from "../../../core/session.ts";
import type { EpochMs } from "../../../core/time.ts";
import { type FleetCounts, nothingCounted } from "../../../service/figures/fleet-counts.ts";

/** What the heartbeat script answers. */
export type HeartbeatReply = readonly [
  gaps: readonly string[],
  incarnation: string,
  changes: string,
  negotiations: readonly string[],
  seconds: string,
  microseconds: string,
];

/** A gap as the heartbeat script recorded it. */
export function toGap(text: string): Gap {
  const [number, from, until, kind] = JSON.parse(text) as readonly [string, string, string, string];
  return {
    number: Number(number),
    from: Number(from),
    until: Number(until),
    kind: kind === "stall" ? "stall" : "absence",
  };
}

/** Fields and values of a hash, one after the other. */
export function toCounts(reply: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at + 1 < reply.length; at += 2) {
    counts.set(reply[at] as string, Number(reply[at + 1]));
  }
  return counts;
}

export const countNames = Object.keys(nothingCounted) as readonly (keyof FleetCounts)[];

/** Values of {@link countNames}, in their order; null for zero. */
export function toFleetCounts(reply: readonly (string | null)[]): FleetCounts {
  const counts = countNames.map((name, index) => [name, Number(reply[index] ?? 0)]);
  return Object.fromEntries(counts) as FleetCounts;
}

/** A moment as `TIME` returns it. */
export function toMs(seconds: string | undefined, microseconds: string | undefined): EpochMs {
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}
