import type { UnseenSpan } from "./page-state.ts";
import type { HandshakeBar, Mark, Path, Phase, Timeline } from "./timeline.ts";

/** The stretch of time that a chart shows. */
export interface ChartWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A stretch on the chart, in percent of its width. */
export interface Stretch {
  readonly x: number;
  readonly width: number;
}

export interface PhaseStretch extends Stretch {
  readonly handshakeId: string;
  readonly phase: Phase;
  readonly lane: number;
  /** The handshake was given up, and never carried an action. */
  readonly isAbandoned: boolean;
}

export interface PathStretch extends Stretch {
  readonly path: Path;
}

export interface Chart {
  readonly lanes: number;
  readonly phases: readonly PhaseStretch[];
  readonly paths: readonly PathStretch[];
  readonly unseen: readonly Stretch[];
  readonly marks: readonly { readonly x: number; readonly kind: Mark["kind"] }[];
}

/** One lane would leave no room in which an overlap can be seen. */
const lanesMin = 2;
/** What is drawn is never thinner than this, in percent: a short phase would be lost. */
const widthMin = 0.4;
/** A break that is shorter is none that anyone could miss something in. */
const briefMs = 1_000;

/** Where everything of a timeline stands on a chart. */
export function chartOf(
  timeline: Timeline,
  unseen: readonly UnseenSpan[],
  window: ChartWindow,
): Chart {
  const phases = timeline.bars.flatMap((bar) => phasesOf(bar, window));
  const paths = timeline.paths.flatMap(({ path, fromMs }, index) => {
    const untilMs = timeline.paths[index + 1]?.fromMs ?? window.toMs;
    return stretch(fromMs, untilMs, window).map((place) => ({ ...place, path }));
  });
  return {
    lanes: Math.max(lanesMin, ...phases.map(({ lane }) => lane + 1)),
    phases,
    paths,
    unseen: unseen
      .filter(({ fromMs, untilMs = window.toMs }) => untilMs - fromMs >= briefMs)
      .flatMap(({ fromMs, untilMs = window.toMs }) => stretch(fromMs, untilMs, window)),
    marks: timeline.marks
      .filter(({ atMs }) => atMs >= window.fromMs)
      .map(({ kind, atMs }) => ({ kind, x: percent(atMs, window) })),
  };
}

function phasesOf(bar: HandshakeBar, window: ChartWindow): readonly PhaseStretch[] {
  const { handshakeId, lane, ending } = bar;
  return bar.phases.flatMap(({ phase, fromMs }, index) => {
    const untilMs = bar.phases[index + 1]?.fromMs ?? bar.endMs ?? window.toMs;
    return stretch(fromMs, untilMs, window).map((place) => ({
      ...place,
      handshakeId,
      phase,
      lane,
      isAbandoned: ending === "abandoned",
    }));
  });
}

/** Nothing where it lies outside. */
function stretch(fromMs: number, untilMs: number, window: ChartWindow): readonly Stretch[] {
  if (untilMs < window.fromMs || fromMs > window.toMs || untilMs <= fromMs) return [];
  const x = percent(Math.max(fromMs, window.fromMs), window);
  const width = percent(Math.min(untilMs, window.toMs), window) - x;
  return [{ x, width: Math.max(widthMin, width) }];
}

function percent(atMs: number, { fromMs, toMs }: ChartWindow): number {
  return ((atMs - fromMs) / (toMs - fromMs)) * 100;
}
