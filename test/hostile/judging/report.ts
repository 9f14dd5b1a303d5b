import type { Judged } from "./judge.ts";

/** One line for each attack, with the worst of its figures, and below it what went wrong. */
export function reportOf(judged: readonly Judged[]): string {
  const rows = judged.map((one) => [
    one.name,
    one.faults.length === 0 ? "well" : "BROKEN",
    `${one.p50Ms.toFixed(1)} / ${one.p99Ms.toFixed(1)}`,
    turnOf(one),
    one.largestPauseMs.toFixed(),
    megabytesOf(one),
    Object.entries(one.outcomes)
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, outcomesShown)
      .map(([outcome, times]) => `${outcome} × ${times}`)
      .join(", "),
  ]);
  const faults = judged.flatMap(({ name, faults: found }) =>
    found.map((what) => `${name}: ${what}`),
  );
  return [table([heads, ...rows]), ...faults].join("\n");
}

const outcomesShown = 5;

const heads = [
  "attack",
  "verdict",
  "renewals p50 / p99 ms",
  "longest turn ms: wall / processor",
  "longest pause of actions ms",
  "memory MB before / peak / after",
  "what came back",
];

function turnOf({ longestTurn }: Judged): string {
  if (longestTurn === undefined) return "?";
  return `${longestTurn.wallMs.toFixed()} / ${longestTurn.processorMs.toFixed()}`;
}

function megabytesOf({ memory: { beforeBytes, peakBytes, afterBytes } }: Judged): string {
  return [beforeBytes, peakBytes, afterBytes].map((bytes) => Math.round(bytes / 1e6)).join(" / ");
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
