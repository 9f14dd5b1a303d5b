import {
  TransportChange,
  TransportHealth,
  TransportPath,
  type TransportState,
} from "../../gen/beach/controller/v1/transport_pb.js";
import { pastMoment } from "./moments.ts";

/** What a handshake is at a time. Of a promoted one, what its transport's health is. */
export type Phase = "negotiating" | "healthy" | "degraded" | "stale" | "lost" | "lingering";

/** From a moment until the next span begins. Moments are milliseconds of the page's wall clock. */
export interface PhaseSpan {
  readonly phase: Phase;
  readonly fromMs: number;
}

/** One handshake, from its start until it is retired or given up. */
export interface HandshakeBar {
  readonly handshakeId: string;
  /** Two that overlap stand in different lanes. */
  readonly lane: number;
  readonly phases: readonly [PhaseSpan, ...PhaseSpan[]];
  /** Undefined while the service honours it as promoted, in flight or lingering. */
  readonly endMs?: number;
  readonly ending?: "retired" | "abandoned" | "detached";
}

export type Path = "pending" | "fast_path" | "http_fallback";

export interface PathSpan {
  readonly path: Path;
  readonly fromMs: number;
}

export interface Mark {
  readonly kind: "renewed" | "granted" | "ended";
  readonly atMs: number;
}

/** What the page has seen of one session's transport and leases. */
export interface Timeline {
  readonly bars: readonly HandshakeBar[];
  readonly paths: readonly PathSpan[];
  readonly marks: readonly Mark[];
}

/** When a message was received, and how far the service's clock was ahead of the page's then. */
export interface Heard {
  readonly nowMs: number;
  readonly skewMs: number;
}

export const emptyTimeline: Timeline = { bars: [], paths: [], marks: [] };

/** How far back a timeline reaches; what ended before that is forgotten. */
const timelineMs: number = 15 * 60_000;

/** The timeline after a state. */
export function followState(before: Timeline, state: TransportState, heard: Heard): Timeline {
  const { nowMs } = heard;
  const current = handshakesOf(state, heard);
  const isCurrent = (bar: HandshakeBar): boolean => current.has(bar.handshakeId);
  const bars = before.bars.map((bar) => {
    if (bar.endMs !== undefined) return bar;
    const now = current.get(bar.handshakeId);
    return now === undefined ? ended(bar, nowMs, endingOf(bar, state)) : inPhase(bar, now, nowMs);
  });
  const open = new Set(
    bars
      .filter(isCurrent)
      .filter(isOpen)
      .map(({ handshakeId }) => handshakeId),
  );
  for (const [handshakeId, { phase, sinceMs }] of current) {
    if (open.has(handshakeId)) continue;
    const span = { phase, fromMs: sinceMs };
    bars.push({ handshakeId, lane: freeLane(bars), phases: [span] });
  }
  return forgetting({ ...before, bars, paths: followPath(before.paths, state, nowMs) }, nowMs);
}

/** The timeline of a session that has no state any more. */
export function endTimeline(before: Timeline, nowMs: number): Timeline {
  const bars = before.bars.map((bar) =>
    bar.endMs === undefined ? ended(bar, nowMs, "detached") : bar,
  );
  return { ...before, bars };
}

export function withMarks(before: Timeline, marks: readonly Mark[], nowMs: number): Timeline {
  if (marks.length === 0) return before;
  return forgetting({ ...before, marks: [...before.marks, ...marks] }, nowMs);
}

export function pathOf(state: TransportState): Path {
  if (state.path === TransportPath.FAST_PATH) return "fast_path";
  return state.path === TransportPath.HTTP_FALLBACK ? "http_fallback" : "pending";
}

/** Of the promoted transport; undefined before the first promotion. */
export function healthOf(state: TransportState): Phase | undefined {
  switch (state.health) {
    case TransportHealth.HEALTHY:
      return "healthy";
    case TransportHealth.DEGRADED:
      return "degraded";
    case TransportHealth.STALE:
      return "stale";
    case TransportHealth.LOST:
      return "lost";
    default:
      return undefined;
  }
}

/** Actions travel over a handshake in these phases. */
export function isUsable(phase: Phase): boolean {
  return phase === "healthy" || phase === "degraded" || phase === "stale";
}

interface PhaseSince {
  readonly phase: Phase;
  /** When the handshake began, for one that was not seen before. */
  readonly sinceMs: number;
}

/** Those that a state names, by their id; the oldest first, so that it gets the first lane. */
function handshakesOf(state: TransportState, heard: Heard): ReadonlyMap<string, PhaseSince> {
  const { handshakeId, promotedAt, negotiation, lingering } = state;
  const found = new Map<string, PhaseSince>();
  if (lingering !== undefined) {
    found.set(lingering.handshakeId, { phase: "lingering", sinceMs: heard.nowMs });
  }
  const health = healthOf(state);
  if (handshakeId !== "" && health !== undefined) {
    found.set(handshakeId, { phase: health, sinceMs: pastMoment(promotedAt, heard) });
  }
  if (negotiation !== undefined) {
    const sinceMs = pastMoment(negotiation.startedAt, heard);
    found.set(negotiation.handshakeId, { phase: "negotiating", sinceMs });
  }
  return found;
}

function isOpen(bar: HandshakeBar): boolean {
  return bar.endMs === undefined;
}

function ended(
  bar: HandshakeBar,
  endMs: number,
  ending: NonNullable<HandshakeBar["ending"]>,
): HandshakeBar {
  return { ...bar, endMs, ending };
}

function endingOf(
  bar: HandshakeBar,
  { lastChange }: TransportState,
): NonNullable<HandshakeBar["ending"]> {
  const wasNegotiating = bar.phases.at(-1)?.phase === "negotiating";
  if (lastChange === TransportChange.ATTACHED) return "detached";
  return wasNegotiating ? "abandoned" : "retired";
}

function inPhase(bar: HandshakeBar, { phase }: PhaseSince, nowMs: number): HandshakeBar {
  const before = bar.phases.at(-1)?.phase;
  // What was lost carries nothing while it lingers.
  if (before === phase || (before === "lost" && phase === "lingering")) return bar;
  return { ...bar, phases: [...bar.phases, { phase, fromMs: nowMs }] };
}

function freeLane(bars: readonly HandshakeBar[]): number {
  const taken = new Set(bars.filter(isOpen).map(({ lane }) => lane));
  let lane = 0;
  while (taken.has(lane)) lane += 1;
  return lane;
}

function followPath(
  before: readonly PathSpan[],
  state: TransportState,
  nowMs: number,
): readonly PathSpan[] {
  const path = pathOf(state);
  return before.at(-1)?.path === path ? before : [...before, { path, fromMs: nowMs }];
}

function forgetting({ bars, paths, marks }: Timeline, nowMs: number): Timeline {
  const fromMs = nowMs - timelineMs;
  return {
    bars: bars.filter(({ endMs }) => endMs === undefined || endMs >= fromMs),
    paths: paths.filter((_, index) => (paths[index + 1]?.fromMs ?? nowMs) >= fromMs),
    marks: marks.filter(({ atMs }) => atMs >= fromMs),
  };
}
