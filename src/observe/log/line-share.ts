import type { BeachId } from "../../core/ids.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";

/** Lines that the sessions of one private beach may write at once, and how many a second after. */
const linesAtOnce = 2_000;
const linesPerSecond = 20;
/** Beaches that are remembered. The one that wrote longest ago is dropped first. */
const beachesMax = 10_000;
const second: DurationMs = 1_000;

/** The fate of a line: written, the first of those suppressed, or another one of them. */
type Verdict = "write" | "write none from here on" | "write none";

/**
 * Divides the log among private beaches, so that no caller fills a disk with lines. A beach that
 * has used its share writes none until half of it is restored.
 */
export class LineShare {
  readonly #beaches = new Map<BeachId, Share>();

  judge(beachId: BeachId, at: EpochMs): Verdict {
    const share = this.#shareOf(beachId, at);
    const gained = (Math.max(0, at - share.at) / second) * linesPerSecond;
    share.left = Math.min(linesAtOnce, share.left + gained);
    share.at = Math.max(share.at, at);
    if (share.isSilent) share.isSilent = share.left < linesAtOnce / 2;
    if (share.isSilent) return "write none";
    share.left -= 1;
    if (share.left >= 0) return "write";
    share.isSilent = true;
    return "write none from here on";
  }

  #shareOf(beachId: BeachId, at: EpochMs): Share {
    const share = this.#beaches.get(beachId) ?? { left: linesAtOnce, at, isSilent: false };
    this.#beaches.delete(beachId);
    this.#beaches.set(beachId, share);
    for (const oldest of this.#beaches.keys()) {
      if (this.#beaches.size <= beachesMax) break;
      this.#beaches.delete(oldest);
    }
    return share;
  }
}

interface Share {
  left: number;
  at: EpochMs;
  isSilent: boolean;
}
