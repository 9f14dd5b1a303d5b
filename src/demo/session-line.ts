import type { AppliedCounters, ManagerEvent, TileEvent } from "./messages.ts";

/** One session of the demo, in a line that a person understands. */
export class SessionLine {
  readonly sessionId: string;
  #path = "PENDING";
  #health = "";
  #generation = 0;
  #negotiating = false;
  #refreshes = 0;
  #renegotiations = 0;
  #oldRenewals = 0;
  #applied = 0;
  #arrived = false;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  managerTold(event: ManagerEvent): void {
    if (event.kind !== "state" || event.sessionId !== this.sessionId) return;
    this.#path = event.path;
    this.#health = event.health === "UNSPECIFIED" ? "" : event.health.toLowerCase();
    this.#generation = event.generation;
    this.#negotiating = event.negotiating !== "";
  }

  tileTold(event: TileEvent): void {
    if (event.kind !== "renewed") return;
    if (event.outcome === "refresh") this.#refreshes += 1;
    else this.#renegotiations += 1;
  }

  /** What the old route did with the handshake, the old tile does not read. */
  oldTileRenewed(): void {
    this.#oldRenewals += 1;
  }

  /** True once: when the session has got onto its first fast path. */
  isFirstOnFastPath(): boolean {
    if (this.#arrived || this.#path !== "FAST_PATH") return false;
    this.#arrived = true;
    return true;
  }

  /** The line for the second that ended; undefined counters: the host does not answer. */
  render(counters: AppliedCounters | undefined): string {
    const renewals = this.#refreshes + this.#renegotiations + this.#oldRenewals;
    const old = this.#oldRenewals === 0 ? "" : `, ${this.#oldRenewals} by the old route`;
    return [
      this.sessionId.padEnd(10),
      `${this.#path}${this.#negotiating ? " (negotiating)" : ""}`.padEnd(27),
      this.#health.padEnd(8),
      `generation ${this.#generation}`,
      `renewals ${renewals} (${this.#refreshes} refresh, ${this.#renegotiations} renegotiate${old})`,
      this.#rate(counters),
    ].join("  ");
  }

  #rate(counters: AppliedCounters | undefined): string {
    if (counters === undefined) return "the host is away";
    // A host that was started anew counts from the beginning.
    const applied = counters.applied - (counters.applied < this.#applied ? 0 : this.#applied);
    this.#applied = counters.applied;
    return `${applied} actions/s, largest gap ${counters.largestGapMs} ms, ${counters.missing} lost`;
  }
}
