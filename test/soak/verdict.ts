import { type Measure, measures, type Sample } from "./sample.ts";

/** How much a measure may grow over the later half, beyond what its own noise explains. */
interface Bound {
  readonly share: number;
  /** In the unit of the measure; the greater of the two counts. */
  readonly least: number;
}

/** What has to be flat; the others are shown only. */
const bounds: Readonly<Partial<Record<Measure, Bound>>> = {
  resident: { share: 0.05, least: 8 },
  heap: { share: 0.03, least: 1.5 },
  external: { share: 0.05, least: 2 },
  descriptors: { share: 0.05, least: 4 },
  handles: { share: 0.05, least: 4 },
  timers: { share: 0.05, least: 8 },
};

/** What became of one measure over the later half of a soak. */
export interface Trend {
  readonly measure: Measure;
  readonly mean: number;
  /** By linear regression, over the whole of that half. */
  readonly growth: number;
  /** Twice the standard error of that growth. */
  readonly noise: number;
  /** Undefined where growth is not judged. */
  readonly bound: number | undefined;
  readonly isFlat: boolean;
}

/** Fewer samples say nothing. */
export const samplesMin = 8;

/** The trends of the later half: before it, what a service remembers is still filling up. */
export function trendsOf(samples: readonly Sample[]): readonly Trend[] {
  if (samples.length < samplesMin) return [];
  const later = samples.slice(Math.floor(samples.length / 2));
  return (Object.keys(measures) as Measure[]).map((measure) => {
    const points = later.map((sample) => ({ x: sample.at, y: sample[measure] }));
    const { mean, slope, error } = regression(points);
    const seconds = (later.at(-1)?.at ?? 0) - (later[0]?.at ?? 0);
    const allowed = bounds[measure];
    const bound = allowed && Math.max(allowed.least, allowed.share * mean);
    const [growth, noise] = [slope * seconds, 2 * error * seconds];
    const isFlat = bound === undefined || growth - noise <= bound;
    return { measure, mean, growth, noise, bound, isFlat };
  });
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The line of least squares, and the standard error of its slope. */
export function regression(points: readonly Point[]): {
  readonly mean: number;
  readonly slope: number;
  readonly error: number;
} {
  const n = points.length;
  const sum = (of: (point: Point) => number): number =>
    points.reduce((total, point) => total + of(point), 0);
  const [meanX, mean] = [sum(({ x }) => x) / n, sum(({ y }) => y) / n];
  const spread = sum(({ x }) => (x - meanX) ** 2);
  const slope = sum(({ x, y }) => (x - meanX) * (y - mean)) / (spread || 1);
  const residue = sum(({ x, y }) => (y - mean - slope * (x - meanX)) ** 2);
  const error = Math.sqrt(residue / Math.max(1, n - 2) / (spread || 1));
  return { mean, slope, error };
}
