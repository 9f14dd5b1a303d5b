import type { Mark, Path, Regime, Story } from "../../pong/story.ts";
import { type Band, type Kind, type Plot, plotOf } from "../model/plot.ts";
import { find } from "./find.ts";

/** Lengths in px. */
const room = {
  left: 64,
  right: 10,
  regimes: 22,
  gap: 10,
  plot: 190,
  marks: 26,
  paths: 8,
  moments: 24,
};
const height =
  room.regimes + room.gap + room.plot + room.marks + room.paths + room.gap + room.moments;
const plotTop = room.regimes + room.gap;
const plotBottom = plotTop + room.plot;
const pathsTop = plotBottom + room.marks;
const narrowPx = 560;
const windowMs = { narrow: 30_000, wide: 60_000 } as const;
/** A name is left out where it has no room. */
const nameRoomPx = 120;
const interventionRoomPx = 66;

const regimeNames: Readonly<Record<Regime, string>> = {
  ours: "with the service",
  old: "old behaviour",
};
const interventionNames: Readonly<Partial<Record<Mark, string>>> = {
  killed: "killed",
  replaced: "replaced",
  restarted: "kill -9",
};

/** The chart of latencies, with what holds above it and renewals and paths below it. */
export class ChartView {
  readonly #svg: SVGSVGElement = find<SVGSVGElement>("#chart");
  readonly #drawing: SVGGElement = find<SVGGElement>("#drawing");

  draw(story: Story, now: number): void {
    const full = this.#svg.clientWidth;
    if (full === 0) return;
    const width = full - room.left - room.right;
    const plot = plotOf(story, now, {
      width,
      height: room.plot,
      windowMs: full < narrowPx ? windowMs.narrow : windowMs.wide,
    });
    this.#svg.setAttribute("viewBox", `0 0 ${full} ${height}`);
    this.#svg.setAttribute("height", String(height));
    this.#drawing.replaceChildren(
      ...ground(plot, width),
      group(room.left, 0, regimeBands(plot.regimes)),
      group(room.left, plotTop, areas(plot)),
      group(room.left, 0, marks(plot, width)),
      group(room.left, pathsTop, pathBands(plot.paths)),
    );
  }
}

function ground({ rungs, moments }: Plot, width: number): readonly SVGElement[] {
  return [
    ...rungs.flatMap(({ y, ms }) => [
      shape("line", {
        class: ms === 0 ? "rung base" : "rung",
        x1: room.left,
        x2: room.left + width,
        y1: plotTop + y,
        y2: plotTop + y,
      }),
      text(ms === 0 ? "0" : `${ms / 1_000} s`, {
        class: "tick end",
        x: room.left - 8,
        y: plotTop + y + 4,
      }),
    ]),
    text("renewals", { class: "tick end", x: room.left - 8, y: plotBottom + room.marks / 2 + 4 }),
    text("path", { class: "tick end", x: room.left - 8, y: pathsTop + room.paths }),
    ...moments.map(({ x, agoMs }, index) =>
      text(agoMs === 0 ? "now" : `−${agoMs / 1_000} s`, {
        class: agoMs === 0 ? "tick end" : index === 0 ? "tick" : "tick middle",
        x: room.left + x,
        y: height - 6,
      }),
    ),
  ];
}

function regimeBands(bands: readonly Band<Regime>[]): readonly SVGElement[] {
  return bands.flatMap(({ x, width, value }) => [
    shape("rect", { class: `regime regime-${value}`, x, y: 0, width, height: room.regimes, rx: 4 }),
    ...(width < nameRoomPx
      ? []
      : [text(regimeNames[value], { class: `regime-name name-${value}`, x: x + 9, y: 15 })]),
  ]);
}

function areas(plot: Plot): readonly SVGElement[] {
  const kinds: readonly Kind[] = ["fast", "http", "late"];
  return kinds.map((kind) => shape("path", { class: `area area-${kind}`, d: plot.areas[kind] }));
}

function marks({ marks: all }: Plot, width: number): readonly SVGElement[] {
  const y = plotBottom + room.marks / 2;
  const rows = new NameRows();
  return all.flatMap(({ x, mark }) => {
    if (mark === "refreshed") {
      return [shape("circle", { class: "mark-refreshed", cx: x, cy: y, r: 4 })];
    }
    const name = interventionNames[mark];
    const kind = name === undefined ? "thread thread-handshake" : "thread";
    const line = shape("line", { class: kind, x1: x, x2: x, y1: plotTop, y2: plotBottom });
    if (name === undefined) {
      const d = `M${x} ${y - 5.5}L${x + 5.5} ${y}L${x} ${y + 5.5}L${x - 5.5} ${y}Z`;
      return [line, shape("path", { class: "mark-handshake", d })];
    }
    const isAtTheEdge = x > width - interventionRoomPx;
    const at = {
      class: isAtTheEdge ? "intervention-name end" : "intervention-name",
      x: isAtTheEdge ? x - 5 : x + 5,
      y: plotTop + 12 + 16 * rows.rowFor(isAtTheEdge ? x - interventionRoomPx : x),
    };
    return [line, text(name, at)];
  });
}

/** Names of interventions, each in the first row in which it stands free. */
class NameRows {
  readonly #ends: number[] = [];

  rowFor(x: number): number {
    const free = this.#ends.findIndex((end) => end <= x);
    const row = free < 0 ? this.#ends.length : free;
    this.#ends[row] = x + interventionRoomPx;
    return row;
  }
}

function pathBands(bands: readonly Band<Path>[]): readonly SVGElement[] {
  return bands.map(({ x, width, value }) =>
    shape("rect", { class: `path-band path-${value}`, x, y: 0, width, height: room.paths }),
  );
}

type Attributes = Readonly<Record<string, string | number>>;

function shape(name: string, attributes: Attributes): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

function text(words: string, attributes: Attributes): SVGElement {
  const element = shape("text", attributes);
  element.textContent = words;
  return element;
}

function group(x: number, y: number, children: readonly SVGElement[]): SVGElement {
  const element = shape("g", { transform: `translate(${x} ${y})` });
  element.append(...children);
  return element;
}
