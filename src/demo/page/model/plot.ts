import {
  type Latency,
  lateMs,
  type Mark,
  type Path,
  type Regime,
  type Since,
  type Story,
  tenthMs,
} from "../../pong/story.ts";

// What the chart shows of a story, pure: lengths in px from the upper left corner of the plot.

export interface PlotSize {
  readonly width: number;
  readonly height: number;
  readonly windowMs: number;
}

export type Kind = "fast" | "http" | "late";

export interface Plot {
  /** Outlines to be filled, one path of an SVG each. */
  readonly areas: Readonly<Record<Kind, string>>;
  readonly regimes: readonly Band<Regime>[];
  readonly paths: readonly Band<Path>[];
  readonly marks: readonly { readonly x: number; readonly mark: Mark }[];
  /** Lines across, from the lowest on. */
  readonly rungs: readonly { readonly y: number; readonly ms: number }[];
  /** Moments before now, from the oldest on. */
  readonly moments: readonly { readonly x: number; readonly agoMs: number }[];
}

export interface Band<Value> {
  readonly x: number;
  readonly width: number;
  readonly value: Value;
}

/** Nothing that came is drawn lower: it has to be seen. */
const heightMin = 2.5;
/** Pictures are a thirtieth of a second apart, or 200 ms by HTTP: longer, and none comes. */
const silentMs = 400;
const tops = [2_000, 4_000, 8_000, 20_000, 60_000] as const;
const rungCount = 4;
const momentEveryMs = 10_000;

export function plotOf(story: Story, now: number, size: PlotSize): Plot {
  const { width, height, windowMs } = size;
  const from = now - windowMs;
  const seen = story.latencies.filter(({ at }) => at + tenthMs > from && at <= now);
  const silent = silenceOf(story, now);
  const top = topFor(Math.max(silent, ...seen.map(({ worstMs }) => worstMs)));
  const x = (at: number): number => Math.max(0, Math.min(width, ((at - from) / windowMs) * width));
  const y = (ms: number): number => height - Math.max(heightMin, (ms / top) * height);
  const areas = { fast: "", http: "", late: "" };
  for (const [index, latency] of seen.entries()) {
    const { at, worstMs } = latency;
    const next = seen[index + 1]?.at ?? at + tenthMs;
    // Where none was sent for a moment, none waited either.
    const until = next - at < silentMs ? next : at + tenthMs;
    areas[kindOf(latency)] += bar(x(at), x(until), y(worstMs), height);
  }
  if (silent > 0) areas.late += wedge(x(now - silent), x(now), y(silent), height);
  return {
    areas,
    regimes: bandsOf(story.regimes, now, x),
    paths: bandsOf(story.paths, now, x),
    marks: story.marks
      .filter(({ at }) => at >= from && at <= now)
      .map(({ at, value }) => ({ x: x(at), mark: value })),
    rungs: Array.from({ length: rungCount + 1 }, (_, index) => {
      const ms = (top / rungCount) * index;
      return { y: height - (ms / top) * height, ms };
    }),
    moments: Array.from({ length: windowMs / momentEveryMs + 1 }, (_, index) => {
      const agoMs = windowMs - index * momentEveryMs;
      return { x: x(now - agoMs), agoMs };
    }),
  };
}

/** How long no picture has come that should have; 0 while they come. */
export function silenceOf({ pictureAt }: Story, now: number): number {
  const silent = pictureAt === undefined ? 0 : now - pictureAt;
  return silent < silentMs ? 0 : silent;
}

/** HTTP is slow by nature; over the fast path, what is late was held up. */
function kindOf({ over, worstMs }: Latency): Kind {
  if (worstMs > silentMs) return "late";
  if (over === "http") return "http";
  return worstMs > lateMs ? "late" : "fast";
}

function topFor(ms: number): number {
  return tops.find((top) => ms <= top) ?? ms;
}

function bar(left: number, right: number, top: number, bottom: number): string {
  return `M${round(left)} ${round(bottom)}V${round(top)}H${round(right)}V${round(bottom)}Z`;
}

/** What waits now: the longer ago it was sent, the longer. */
function wedge(left: number, right: number, top: number, bottom: number): string {
  return `M${round(left)} ${round(bottom)}V${round(top)}L${round(right)} ${round(bottom)}Z`;
}

function bandsOf<Value>(
  values: readonly Since<Value>[],
  now: number,
  x: (at: number) => number,
): readonly Band<Value>[] {
  return values
    .map(({ at, value }, index) => {
      const left = x(at);
      return { x: left, width: x(values[index + 1]?.at ?? now) - left, value };
    })
    .filter(({ width }) => width > 0);
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}
