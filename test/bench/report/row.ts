/** One figure, as the table, the JSON and the chart show it. */
export interface Row {
  readonly name: string;
  /** The median of the rounds. */
  readonly value: number;
  readonly unit: string;
  /** The least and the most of the rounds. */
  readonly spread?: readonly [number, number];
  /** What it is compared with, such as an empty grpc-js handler. */
  readonly against?: string;
  /** The same figure of a server that decides nothing, or of one that others made. */
  readonly floor?: number;
  readonly peer?: number;
  /** How many times as good as that: 1 is level, and more is better. */
  readonly ratio?: number;
  readonly target?: string;
  readonly met?: boolean;
}

/** How a cost grows. */
export interface Curve {
  readonly name: string;
  readonly unit: string;
  /** What `x` counts. */
  readonly of: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** What a part of the bench found. */
export interface Findings {
  readonly rows: readonly Row[];
  readonly curves?: readonly Curve[];
  /** What could not be measured, and why. */
  readonly notes?: readonly string[];
}

/** Values of the rounds, with what they were measured in. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export function rowOf({ name, unit, values }: Figure): Row {
  const spread = [Math.min(...values), Math.max(...values)] as const;
  return { name, value: median(values), unit, ...(values.length > 1 ? { spread } : {}) };
}

export interface Comparison {
  readonly with: "floor" | "peer";
  readonly name: string;
  readonly values: readonly number[];
  /** The ratio that is wanted, where one is. */
  readonly atLeast?: number;
}

/** A cost beside that of another: the less, the better. */
export function compared(figure: Figure, other: Comparison): Row {
  const row = rowOf(figure);
  const [theirs, ratio] = [median(other.values), median(other.values) / row.value];
  const target = other.atLeast;
  return {
    ...row,
    against: other.name,
    [other.with]: theirs,
    ratio,
    ...(target === undefined ? {} : { target: `≥ ${target} ×`, met: ratio >= target }),
  };
}

/** A figure that is to stay below a limit in the same unit, where there is one. */
export function bounded(figure: Figure, limit: number | undefined): Row {
  const row = rowOf(figure);
  if (limit === undefined) return row;
  return { ...row, target: `< ${limit} ${figure.unit}`, met: row.value < limit };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
