import type { Report } from "./report.ts";
import type { Curve, Row } from "./row.ts";
import { short } from "./table.ts";

const width = 860;
const margin = 16;
const [barHeight, barGap, groupGap] = [13, 3, 12];
/** Where bars begin, and how long the longest may be. */
const [barsAt, barsWidth] = [330, 400];
const [plotHeight, plotWidth] = [150, 220];
/** Plots stand side by side, each so far from the next. */
const [plotsInRow, plotStep, rowStep] = [3, 280, 230];

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .quiet { fill: #59636e }
  .service { fill: #0969da } .floor { fill: #afb8c1 } .peer { fill: #d4802c }
  .curve { fill: none; stroke: #0969da; stroke-width: 2 }
  .axis { fill: none; stroke: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 }
    .service { fill: #4493f8 } .floor { fill: #656c76 } .curve { stroke: #4493f8 } .axis { stroke: #656c76 }
  }`;

/** The costs beside those they are compared with, and how costs grow; readable on light and dark. */
export function chartOf({ parts, machine }: Report): string {
  const groups = groupsOf(parts.flatMap(({ rows }) => rows));
  const curves = parts.flatMap((part) => part.curves);
  const bars = barsOf(groups, 52);
  const plots = curves.map((curve, index) => {
    const x = margin + 24 + (index % plotsInRow) * plotStep;
    return plotOf(curve, x, bars.end + 60 + Math.floor(index / plotsInRow) * rowStep);
  });
  const height = bars.end + Math.ceil(curves.length / plotsInRow) * rowStep + 50;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    "<title>What a renewal costs beside etcd and the floors, and how costs grow</title>",
    `<style>${style}\n</style>`,
    label("Processor time of the server for one renewal, in µs: less is better", margin, 24, {
      kind: "title",
    }),
    ...bars.shapes,
    ...plots.flat(),
    label(
      `${machine.processor}, a core each for server and callers; Node ${machine.node}, commit ${machine.commit}`,
      margin,
      height - 10,
      { kind: "quiet" },
    ),
    "</svg>\n",
  ].join("\n");
}

interface Bar {
  readonly name: string;
  readonly kind: "service" | "floor" | "peer";
  readonly value: number;
}

interface Group {
  readonly name: string;
  readonly bars: readonly Bar[];
}

/** Each cost once, with everything that it is compared with. */
function groupsOf(rows: readonly Row[]): readonly Group[] {
  const costs = rows.filter(({ unit, against }) => unit === "µs a renewal" && against);
  return [...Map.groupBy(costs, ({ name }) => name)].map(([name, same]) => ({
    name,
    bars: [
      { name: "the service", kind: "service", value: same[0]?.value ?? 0 },
      ...same.map(({ against = "", floor, peer }): Bar => {
        return {
          name: against,
          kind: peer === undefined ? "floor" : "peer",
          value: peer ?? floor ?? 0,
        };
      }),
    ],
  }));
}

function barsOf(
  groups: readonly Group[],
  top: number,
): { readonly shapes: readonly string[]; readonly end: number } {
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)), 0);
  const shapes: string[] = [];
  let y = top;
  for (const { name, bars } of groups) {
    shapes.push(label(name, margin, y + 10));
    for (const { name: whose, kind, value } of bars) {
      const length = (barsWidth * value) / (most || 1);
      shapes.push(
        label(whose, barsAt - 8, y + 10, { kind: "quiet", anchor: "end" }),
        `<rect class="${kind}" x="${barsAt}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>`,
        label(short(value), barsAt + length + 6, y + 10),
      );
      y += barHeight + barGap;
    }
    y += groupGap;
  }
  return { shapes, end: y };
}

/** Both axes are logarithmic: what grows with the count rises at the angle of the plot. */
function plotOf({ name, unit, of, points }: Curve, left: number, top: number): readonly string[] {
  const scale = (values: readonly number[]): ((value: number) => number) => {
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
    return (value) => (Math.log10(value) - low) / (high - low);
  };
  const [right, up] = [scale(points.map(({ x }) => x)), scale(points.map(({ y }) => y))];
  const placed = points.map(({ x, y }) => ({
    x: left + plotWidth * right(x),
    y: top + plotHeight * (1 - up(y)),
    count: x.toLocaleString("en", { notation: "compact" }),
    value: short(y),
  }));
  const bottom = top + plotHeight;
  return [
    label(name, left, top - 34, { kind: "title" }),
    label(unit, left, top - 18, { kind: "quiet" }),
    `<path class="axis" d="M${left} ${top}V${bottom}H${left + plotWidth}"/>`,
    `<polyline class="curve" points="${placed.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")}"/>`,
    ...placed.flatMap(({ x, y, count, value }) => [
      `<circle class="service" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3"/>`,
      label(value, x, y - 8, { anchor: "middle" }),
      label(count, x, bottom + 16, { kind: "quiet", anchor: "middle" }),
    ]),
    label(`${of} (both axes are logarithmic)`, left + plotWidth / 2, bottom + 32, {
      kind: "quiet",
      anchor: "middle",
    }),
  ];
}

interface Look {
  readonly kind?: "title" | "quiet";
  readonly anchor?: "start" | "middle" | "end";
}

function label(text: string, x: number, y: number, { kind, anchor = "start" }: Look = {}): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const look = kind === undefined ? "" : ` class="${kind}"`;
  return `<text${look} x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped}</text>`;
}
