import type { Machine, Report } from "./report.ts";
import type { Curve, Row } from "./row.ts";

const headings = ["", "value", "", "compared with", "", "ratio", "target", "met"] as const;
const isNumber = [false, true, false, false, true, true, false, false] as const;

/** The report as people read it on a terminal. */
export function textOf(report: Report): string {
  const parts = report.parts.flatMap(({ title, rows, curves, notes }) => [
    "",
    title,
    ...aligned([headings, ...rows.map(cellsOf)]).map((line) => `  ${line}`),
    ...curves.map((curve) => `  ${curveText(curve)}`),
    ...notes.map((note) => `  (${note})`),
  ]);
  return [...machineLines(report.machine), ...report.remarks, ...parts, "", verdict(report)].join(
    "\n",
  );
}

/** Figures as long as anybody reads them: three digits, and all in front of the point. */
export function short(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 3) });
}

function cellsOf(row: Row): readonly string[] {
  const other = row.floor ?? row.peer;
  return [
    row.name,
    short(row.value),
    row.unit,
    row.against ?? "",
    other === undefined ? "" : short(other),
    row.ratio === undefined ? "" : row.ratio.toFixed(2),
    row.target ?? "",
    row.met === undefined ? "" : row.met ? "yes" : "NO",
  ];
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = headings.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

function curveText({ name, unit, of, points }: Curve): string {
  const shown = points.map(({ x, y }) => `${short(y)} at ${short(x)}`);
  return `${name}, ${unit}: ${shown.join(", ")} ${of}`;
}

function machineLines(machine: Machine): readonly string[] {
  const { processor, cores, memoryGb, node, etcd, h2load, commit, pinned } = machine;
  return [
    `${processor}, ${cores} cores, ${memoryGb} GB; Node ${node}, etcd ${etcd}, h2load ${h2load}; commit ${commit}`,
    `Processes: ${pinned}.`,
  ];
}

function verdict({ parts, tookSeconds }: Report): string {
  const judged = parts.flatMap(({ rows }) => rows.filter(({ met }) => met !== undefined));
  const met = judged.filter((row) => row.met).length;
  const seconds = Math.round(tookSeconds);
  const took = `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${met} of ${judged.length} targets met; it took ${took}`;
}
