import { type HandshakeBar, isUsable, type Timeline } from "./timeline.ts";

/** One fast path that took the place of another, and what that cost. */
export interface Replacement {
  readonly handshakeId: string;
  /** When the new one was promoted. */
  readonly atMs: number;
  /** How long both handshakes stood side by side while actions went on over one of them. */
  readonly overlapMs: number;
  /** How long no fast path carried actions; 0 when the old one did until the new one was there. */
  readonly gapMs: number;
}

/** Every replacement that the timeline shows, the oldest first. */
export function replacementsIn({ bars }: Timeline): readonly Replacement[] {
  const promoted = bars
    .flatMap((bar) => {
      const atMs = promotedAtMs(bar);
      return atMs === undefined ? [] : [{ bar, atMs }];
    })
    .toSorted((a, b) => a.atMs - b.atMs);
  return promoted.slice(1).map(({ bar, atMs }, index) => {
    const before = promoted[index]?.bar ?? bar;
    const usableUntilMs = usableUntil(before);
    const gapMs = usableUntilMs === undefined ? 0 : Math.max(0, atMs - usableUntilMs);
    const endMs = before.endMs ?? atMs;
    const overlapMs = gapMs > 0 ? 0 : Math.max(0, endMs - bar.phases[0].fromMs);
    return { handshakeId: bar.handshakeId, atMs, overlapMs, gapMs };
  });
}

function promotedAtMs({ phases }: HandshakeBar): number | undefined {
  return phases.find(({ phase }) => isUsable(phase))?.fromMs;
}

/** When its last usable phase ended; undefined while it lasts. */
function usableUntil({ phases, endMs }: HandshakeBar): number | undefined {
  const last = phases.findLastIndex(({ phase }) => isUsable(phase));
  return phases[last + 1]?.fromMs ?? endMs;
}
