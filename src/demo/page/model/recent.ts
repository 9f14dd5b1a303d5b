import type { StoryEvent } from "../../pong/story.ts";

type Picture = Extract<StoryEvent, { kind: "picture" }>;

const togetherMs = 20;

/** The pictures of the last moments. */
export class RecentPictures {
  readonly #pictures: Picture[] = [];
  readonly #windowMs: number;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(picture: Picture): void {
    this.#pictures.push(picture);
  }

  /** Pictures a second; several that come at once are seen as one. */
  rate(now: number): number {
    const seen = new Set(this.#kept(now).map(({ at }) => Math.floor(at / togetherMs)));
    return seen.size / (this.#windowMs / 1_000);
  }

  /** What an action took in the middle; undefined when none was shown. */
  typicalMs(now: number): number | undefined {
    const took = this.#kept(now)
      .flatMap(({ tookMs }) => tookMs)
      .toSorted((a, b) => a - b);
    return took[Math.floor(took.length / 2)];
  }

  #kept(now: number): readonly Picture[] {
    const first = this.#pictures.findIndex(({ at }) => at > now - this.#windowMs);
    this.#pictures.splice(0, first < 0 ? this.#pictures.length : first);
    return this.#pictures;
  }
}
