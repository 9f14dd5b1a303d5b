import { type Measure, measures, type Sample } from "./sample.ts";
import type { Trend } from "./verdict.ts";

const [plotWidth, plotHeight] = [400, 120];
const [columnWidth, rowHeight] = [plotWidth + 40, plotHeight + 70];
const margin = 20;
const columns = 2;

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .quiet { fill: #59636e }
  .seen { fill: none; stroke: #0969da; stroke-width: 1.5 }
  .trend { stroke: #d4802c; stroke-width: 2; stroke-dasharray: 6 4 }
  .axis { fill: none; stroke: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 }
    .seen { stroke: #4493f8 } .axis { stroke: #656c76 }
  }`;

/** Each measure over time from zero, with the trend of its later half; readable on light and dark. */
export function chartOf(samples: readonly Sample[], trends: readonly Trend[]): string {
  const names = Object.keys(measures) as Measure[];
  const rows = Math.ceil(names.length / columns);
  const [width, height] = [margin * 2 + columns * columnWidth, margin + rows * rowHeight];
  const plots = names.flatMap((measure, index) => {
    const left = margin + (index % columns) * columnWidth;
    const top = margin + 30 + Math.floor(index / columns) * rowHeight;
    const trend = trends.find((one) => one.measure === measure);
    return plotOf({ measure, samples, trend, left, top });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<style>${style}\n</style>`,
    ...plots,
    "</svg>\n",
  ].join("\n");
}

interface Plot {
  readonly measure: Measure;
  readonly samples: readonly Sample[];
  readonly trend: Trend | undefined;
  readonly left: number;
  readonly top: number;
}

function plotOf({ measure, samples, trend, left, top }: Plot): readonly string[] {
  const { name, unit } = measures[measure];
  const most = Math.max(...samples.map((sample) => sample[measure]), 0) || 1;
  const end = samples.at(-1)?.at || 1;
  const x = (at: number): string => (left + (plotWidth * at) / end).toFixed(1);
  const y = (value: number): string => (top + plotHeight * (1 - value / (most * 1.1))).toFixed(1);
  const points = samples.map((sample) => `${x(sample.at)},${y(sample[measure])}`).join(" ");
  const bottom = top + plotHeight;
  return [
    `<text class="title" x="${left}" y="${top - 10}">${name}, up to ${figure(most)} ${unit}</text>`,
    `<path class="axis" d="M${left} ${top}V${bottom}H${left + plotWidth}"/>`,
    `<polyline class="seen" points="${points}"/>`,
    ...trendLine(),
    `<text class="quiet" x="${left}" y="${bottom + 16}">${captionOf(trend, unit, end)}</text>`,
  ];

  function trendLine(): readonly string[] {
    const begin = samples[Math.floor(samples.length / 2)]?.at;
    if (trend?.bound === undefined || begin === undefined) return [];
    const [from, until] = [trend.mean - trend.growth / 2, trend.mean + trend.growth / 2];
    const ends = `x1="${x(begin)}" y1="${y(from)}" x2="${x(end)}" y2="${y(until)}"`;
    return [`<line class="trend" ${ends}/>`];
  }
}

function captionOf(trend: Trend | undefined, unit: string, endSeconds: number): string {
  const over = `${(endSeconds / 60).toFixed(1)} min`;
  if (trend?.bound === undefined) return over;
  const { growth, bound, isFlat } = trend;
  const verdict = isFlat ? "flat" : "NOT FLAT";
  return `${over}; later half ${figure(growth)} of ${figure(bound)} ${unit} allowed: ${verdict}`;
}

export function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
}
