import type { ActionRoute } from "../beach/messages.ts";

// What has happened on the court, pure: the demo and the page fold the same events into the same
// story. Moments are of the demo's clock, in ms.

export type Path = "pending" | "fast_path" | "http_fallback";
/** Who renews: our service, or the manager as it used to. */
export type Regime = "ours" | "old";
export type Mark = "refreshed" | "handshake" | "killed" | "replaced" | "restarted";

export type StoryEvent =
  /** A picture came that is the first to show actions which waited so long. */
  | {
      readonly kind: "picture";
      readonly at: number;
      readonly over: ActionRoute;
      readonly tookMs: readonly number[];
    }
  | {
      readonly kind: "path";
      readonly at: number;
      readonly path: Path;
      readonly isNegotiating: boolean;
      readonly generation: number;
    }
  | { readonly kind: "regime"; readonly at: number; readonly regime: Regime }
  | { readonly kind: "mark"; readonly at: number; readonly mark: Mark }
  | { readonly kind: "service"; readonly at: number; readonly isAway: boolean }
  | { readonly kind: "dropped"; readonly at: number };

/** The worst of the actions that were sent in a tenth of a second. */
export interface Latency {
  /** When the tenth began. */
  readonly at: number;
  readonly worstMs: number;
  readonly over: ActionRoute;
}

/** Something that holds from a moment until the next of its kind. */
export interface Since<Value> {
  readonly at: number;
  readonly value: Value;
}

/** What one regime has brought so far. */
export interface Tally {
  readonly renewals: number;
  readonly handshakes: number;
  readonly actions: number;
  /** Those that waited longer than {@link lateMs}. */
  readonly late: number;
  readonly longestMs: number;
  readonly dropped: number;
}

export interface Story {
  readonly latencies: readonly Latency[];
  readonly marks: readonly Since<Mark>[];
  readonly paths: readonly Since<Path>[];
  readonly regimes: readonly Since<Regime>[];
  readonly isNegotiating: boolean;
  /** How many fast paths there have been. */
  readonly fastPaths: number;
  /** Of the latest of them. */
  readonly generation: number;
  readonly isServiceAway: boolean;
  /** When the last picture came; undefined before the first. */
  readonly pictureAt: number | undefined;
  readonly tallies: Readonly<Record<Regime, Tally>>;
}

export const tenthMs = 100;
export const rememberedMs = 95_000;
/** Later than any picture of a film: it is seen. */
export const lateMs = 100;

const nothing: Tally = {
  renewals: 0,
  handshakes: 0,
  actions: 0,
  late: 0,
  longestMs: 0,
  dropped: 0,
};

export function newStory(at: number): Story {
  return {
    latencies: [],
    marks: [],
    paths: [{ at, value: "pending" }],
    regimes: [{ at, value: "ours" }],
    isNegotiating: false,
    fastPaths: 0,
    generation: 0,
    isServiceAway: false,
    pictureAt: undefined,
    tallies: { ours: nothing, old: nothing },
  };
}

/** The story with one more event. */
export function evolve(story: Story, event: StoryEvent): Story {
  switch (event.kind) {
    case "picture":
      return withPicture(story, event);
    case "path": {
      const { at, path, isNegotiating, generation } = event;
      const paths = changed(story.paths, at, path);
      const fastPaths = story.fastPaths + (generation === story.generation ? 0 : 1);
      return { ...story, paths, isNegotiating, generation, fastPaths };
    }
    case "regime":
      return { ...story, regimes: changed(story.regimes, event.at, event.regime) };
    case "mark":
      return withMark(story, event.at, event.mark);
    case "service":
      return { ...story, isServiceAway: event.isAway };
    case "dropped":
      return counted(story, event.at, ({ dropped }) => ({ dropped: dropped + 1 }));
  }
}

export function current<Value>(values: readonly Since<Value>[]): Value | undefined {
  return values.at(-1)?.value;
}

/** What held at a moment; what holds first of all before anything did. */
function heldAt<Value>(values: readonly Since<Value>[], at: number): Value | undefined {
  return (values.findLast((one) => one.at <= at) ?? values[0])?.value;
}

function withPicture(
  story: Story,
  { at, over, tookMs }: Extract<StoryEvent, { kind: "picture" }>,
): Story {
  let told: Story = { ...story, pictureAt: at };
  const latencies = [...since(story.latencies, at)];
  for (const took of tookMs) {
    const sentAt = at - took;
    noteLatency(latencies, { at: Math.floor(sentAt / tenthMs) * tenthMs, worstMs: took, over });
    told = counted(told, sentAt, ({ actions, late, longestMs }) => ({
      actions: actions + 1,
      late: late + (took > lateMs ? 1 : 0),
      longestMs: Math.max(longestMs, took),
    }));
  }
  return { ...told, latencies };
}

/** Actions are shown in the order in which they were sent: the tenth is the last, or a new one. */
function noteLatency(latencies: Latency[], latency: Latency): void {
  const last = latencies.at(-1);
  if (last === undefined || latency.at > last.at) latencies.push(latency);
  else if (latency.worstMs > last.worstMs)
    latencies[latencies.length - 1] = { ...latency, at: last.at };
}

function withMark(story: Story, at: number, mark: Mark): Story {
  const marks = [...since(story.marks, at), { at, value: mark }];
  const isRenewal = mark === "refreshed" || mark === "handshake";
  if (!isRenewal) return { ...story, marks };
  return counted({ ...story, marks }, at, ({ renewals, handshakes }) => ({
    renewals: renewals + 1,
    handshakes: handshakes + (mark === "handshake" ? 1 : 0),
  }));
}

function counted(story: Story, at: number, change: (tally: Tally) => Partial<Tally>): Story {
  const regime = heldAt(story.regimes, at) ?? "ours";
  const tally = story.tallies[regime];
  return {
    ...story,
    tallies: { ...story.tallies, [regime]: { ...tally, ...change(tally) } },
  };
}

function changed<Value>(
  values: readonly Since<Value>[],
  at: number,
  value: Value,
): readonly Since<Value>[] {
  if (current(values) === value) return values;
  const isForgotten = (index: number): boolean => (values[index + 1]?.at ?? at) < at - rememberedMs;
  return [...values.filter((_, index) => !isForgotten(index)), { at, value }];
}

function since<Dated extends { readonly at: number }>(
  values: readonly Dated[],
  now: number,
): readonly Dated[] {
  return values.filter(({ at }) => at >= now - rememberedMs);
}
