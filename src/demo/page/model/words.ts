import { current, type Story, type Tally } from "../../pong/story.ts";
import { silenceOf } from "./plot.ts";

/** A length of time, as precise as it is worth. */
export function lengthOfTime(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)} s`;
}

export type Standing = "pending" | "fast_path" | "http_fallback" | "frozen";

/** What somebody who plays notices of the path. */
export function standingOf(story: Story, now: number): Standing {
  if (silenceOf(story, now) > 0) return "frozen";
  return current(story.paths) ?? "pending";
}

export const standingWords: Readonly<Record<Standing, string>> = {
  pending: "Waiting for the first fast path",
  fast_path: "On the fast path",
  http_fallback: "HTTP fallback",
  frozen: "Frozen",
};

/** The second line under the standing. */
export function standingNote(story: Story, standing: Standing): string {
  if (story.isServiceAway) return "The service is away. Nobody who plays needs it.";
  if (standing === "frozen") return "Nothing comes until the next connection is up.";
  if (story.isNegotiating) {
    return standing === "fast_path"
      ? "The next one is being set up beside it."
      : "The next fast path is being set up.";
  }
  if (standing === "http_fallback") return "The host asks for actions five times a second.";
  return standing === "fast_path" ? `The ${ordinal(story.fastPaths)} since the demo began.` : "";
}

export interface SumsRow {
  readonly name: string;
  readonly note: string;
  readonly of: (tally: Tally) => string;
}

/** The rows of the table that sets the two regimes side by side. */
export const sumsRows: readonly SumsRow[] = [
  { name: "Renewals", note: "", of: ({ renewals }) => String(renewals) },
  { name: "New handshakes", note: "by a renewal", of: ({ handshakes }) => String(handshakes) },
  { name: "Late actions", note: "shown after 100 ms", of: lateShare },
  {
    name: "Longest wait",
    note: "of an action",
    of: ({ actions, longestMs }) => (actions === 0 ? "–" : lengthOfTime(longestMs)),
  },
  {
    name: "Balls dropped",
    note: "",
    of: ({ actions, dropped }) => (actions === 0 ? "–" : String(dropped)),
  },
];

function lateShare({ actions, late }: Tally): string {
  if (actions === 0) return "–";
  const percent = (late / actions) * 100;
  return `${percent > 0 && percent < 0.1 ? "under 0.1" : percent.toFixed(1)} %`;
}

function ordinal(count: number): string {
  const ending = count % 100 > 10 && count % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][count % 10];
  return `${count}${ending ?? "th"}`;
}
