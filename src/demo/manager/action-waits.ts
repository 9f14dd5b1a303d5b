/** How long each action waits until a state shows it. Moments are of a monotonic clock, in ms. */
export class ActionWaits {
  readonly #sentAt = new Map<number, number>();

  sent(sequence: number, now: number): void {
    this.#sentAt.set(sequence, now);
  }

  /** A state came that shows every action up to `sequence`: what those waited that no state had shown. */
  shown(sequence: number, now: number): readonly number[] {
    const tookMs: number[] = [];
    for (const [sent, sentAt] of this.#sentAt) {
      if (sent > sequence) break;
      this.#sentAt.delete(sent);
      tookMs.push(now - sentAt);
    }
    return tookMs;
  }
}
