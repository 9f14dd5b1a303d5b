import { replacementsIn } from "./replacements.ts";
import type { SessionRecord } from "./session-record.ts";
import { pathOf } from "./timeline.ts";
import { count, durationWords, pathWords } from "./words.ts";

/** A timeline in a sentence or two, for whoever does not see it, and beside it for whoever does. */
export function storyOf({ timeline, transport }: SessionRecord, nowMs: number): string {
  const since = timeline.paths.at(-1)?.fromMs ?? nowMs;
  const path = pathWords[pathOf(transport)];
  const now = `${path} for ${durationWords(nowMs - since)} as far as this page has seen.`;
  const latest = replacementsIn(timeline).at(-1);
  const inFlight = transport.negotiation === undefined ? "" : " A handshake is being negotiated.";
  if (latest === undefined) return `${now}${inFlight}`;
  const ago = durationWords(nowMs - latest.atMs);
  const cost =
    latest.gapMs > 0
      ? `after ${durationWords(latest.gapMs)} without a fast path`
      : `with no gap: both handshakes overlapped for ${durationWords(latest.overlapMs)}`;
  return `${now} Replaced ${ago} ago, ${cost}.${inFlight}`;
}

/** Renewals that only extended a lease, beside handshakes that were started. */
export function ratioWords({ renewals, handshakes }: SessionRecord): string {
  return `${count(renewals, "renewal")}, ${count(handshakes, "handshake")}`;
}
