import { type ReactElement, useMemo } from "react";

import { type Chart, chartOf, type PhaseStretch } from "../../model/chart.ts";
import type { UnseenSpan } from "../../model/page-state.ts";
import type { Timeline } from "../../model/timeline.ts";
import { phaseWords, shortId } from "../../model/words.ts";
import { useNowMs } from "../page-context.ts";

interface TimelineChartProps {
  readonly timeline: Timeline;
  readonly unseen: readonly UnseenSpan[];
  readonly windowMs: number;
  /** In words, for whoever does not see the chart. */
  readonly story: string;
  readonly size: "row" | "detail";
}

/** Pixels. */
interface Sizes {
  readonly lane: number;
  readonly gap: number;
  readonly path: number;
  readonly marks: number;
}

/** Percent of the chart that a name needs, and that it needs with the end of an id. */
const nameWidth = 8;
const nameAndIdWidth = 18;

const sizes: Readonly<Record<TimelineChartProps["size"], Sizes>> = {
  row: { lane: 10, gap: 3, path: 4, marks: 7 },
  detail: { lane: 24, gap: 5, path: 8, marks: 12 },
};

/**
 * Handshakes as bars over time: of two that overlap, one goes on while the other is made. Below them
 * the path that actions took, and marks where a lease was renewed.
 */
export function TimelineChart(props: TimelineChartProps): ReactElement {
  const { timeline, unseen, windowMs, story, size } = props;
  const nowMs = useNowMs();
  const chart = useMemo(
    () => chartOf(timeline, unseen, { fromMs: nowMs - windowMs, toMs: nowMs }),
    [timeline, unseen, windowMs, nowMs],
  );
  const { lane, gap, path, marks } = sizes[size];
  const barsHeight = chart.lanes * (lane + gap);
  const height = barsHeight + path + marks;
  return (
    <svg className={`timeline timeline-${size}`} height={height} role="img" aria-label={story}>
      <rect className="timeline-ground" width="100%" height={barsHeight - gap} rx="3" />
      {chart.phases.map((phase) => (
        <PhaseBar
          key={`${phase.handshakeId} ${phase.lane} ${phase.phase} ${phase.x}`}
          phase={phase}
          y={phase.lane * (lane + gap)}
          height={lane}
          isNamed={size === "detail"}
        />
      ))}
      {chart.unseen.map(({ x, width }) => (
        <rect
          key={x}
          className="unseen"
          x={`${x}%`}
          width={`${width}%`}
          height={barsHeight - gap}
        />
      ))}
      {chart.paths.map((span, index) => (
        <rect
          key={`${span.path} ${String(index)}`}
          className={`path-${span.path}`}
          data-path={span.path}
          x={`${span.x}%`}
          y={barsHeight}
          width={`${span.width}%`}
          height={path}
        />
      ))}
      <Marks marks={chart.marks} y={barsHeight + path + 2} height={marks - 2} />
    </svg>
  );
}

interface PhaseBarProps {
  readonly phase: PhaseStretch;
  readonly y: number;
  readonly height: number;
  readonly isNamed: boolean;
}

function PhaseBar({ phase: stretch, y, height, isNamed }: PhaseBarProps): ReactElement {
  const { handshakeId, phase, x, width, isAbandoned } = stretch;
  return (
    <svg x={`${x}%`} y={y} width={`${width}%`} height={height} aria-hidden="true">
      <rect
        className={`phase phase-${phase}${isAbandoned ? " abandoned" : ""}`}
        data-phase={phase}
        data-handshake={handshakeId}
        width="100%"
        height={height}
        rx="2"
      />
      {isNamed && width >= nameWidth && (
        <text className={`phase-name name-${phase}`} x="7" y={height / 2} dy="0.35em">
          {isAbandoned ? "given up" : phaseWords[phase]}
          {width >= nameAndIdWidth && ` ${shortId(handshakeId)}`}
        </text>
      )}
    </svg>
  );
}

function Marks({
  marks,
  y,
  height,
}: {
  readonly marks: Chart["marks"];
  readonly y: number;
  readonly height: number;
}): ReactElement {
  return (
    <g>
      {marks.map(({ kind, x }, index) => (
        <rect
          key={`${kind} ${String(index)}`}
          className={`mark mark-${kind}`}
          x={`${x}%`}
          y={y}
          width={kind === "renewed" ? 1.5 : 4}
          height={kind === "renewed" ? height : 4}
          rx={kind === "renewed" ? 0 : 2}
        />
      ))}
    </g>
  );
}
