import type { Curve, Findings, Row } from "./row.ts";

/** Everything that one run found, and where. */
export interface Report {
  readonly command: string;
  readonly startedAt: string;
  readonly tookSeconds: number;
  readonly machine: Machine;
  /** Who called the servers, and what each of them makes durable. */
  readonly remarks: readonly string[];
  readonly parts: readonly PartReport[];
}

export interface PartReport {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
  readonly curves: readonly Curve[];
  readonly notes: readonly string[];
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly etcd: string;
  readonly h2load: string;
  /** Of the working tree, with a `+` where that has changes. */
  readonly commit: string;
  /** Which core had servers, and which their callers. */
  readonly pinned: string;
}

export function partReport(
  { name, title }: { readonly name: string; readonly title: string },
  { rows, curves = [], notes = [] }: Findings,
): PartReport {
  return { name, title, rows, curves, notes };
}
