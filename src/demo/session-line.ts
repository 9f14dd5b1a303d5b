import type { AppliedCounters, ManagerEvent, StateSeen, TileEvent } from "./beach/messages.ts";

/** The heads of the columns, in their order, and how wide each is; words stand left. */
const columns = {
  s: { width: 4 },
  session: { width: 10, isWord: true },
  path: { width: 20, isWord: true },
  "fast paths": { width: 10 },
  "actions/s": { width: 9 },
  lost: { width: 4 },
  "gap ms": { width: 6 },
  renewals: { width: 8 },
  refreshed: { width: 9 },
  renegotiated: { width: 12 },
} as const satisfies Record<string, { readonly width: number; readonly isWord?: boolean }>;

type Column = keyof typeof columns;

/** The heads of what {@link SessionLine.render} prints. */
export function headLine(): string {
  return inColumns((name) => name);
}

/** Something that happened to a session, between its lines. */
export function eventLine(sessionId: string, text: string): string {
  return `  ->  ${sessionId.padEnd(columns.session.width)}  ${text}`;
}

/** One session of the demo, in a line a second. */
export class SessionLine {
  readonly sessionId: string;
  #path = "PENDING";
  #health = "";
  #generation = 0;
  #fastPaths = 0;
  #negotiating = false;
  #renewals = 0;
  #refreshes = 0;
  #renegotiations = 0;
  #applied = 0;
  #arrived = false;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  get isOnFastPath(): boolean {
    return this.#path === "FAST_PATH";
  }

  /** Takes what the manager saw; answers what has happened by it, if anything has. */
  managerReported(event: ManagerEvent): string | undefined {
    if (event.kind !== "state" || event.sessionId !== this.sessionId) return undefined;
    const news = this.#newsIn(event);
    this.#path = event.path;
    this.#health = event.health.toLowerCase();
    if (event.generation !== this.#generation) this.#fastPaths += 1;
    this.#generation = event.generation;
    this.#negotiating = event.negotiating !== "";
    return news;
  }

  tileReported(event: TileEvent): void {
    if (event.kind !== "renewed") return;
    this.#renewals += 1;
    if (event.outcome === "renegotiate") this.#renegotiations += 1;
    else this.#refreshes += 1;
  }

  /** What the old route did with the handshake, the old tile does not read. */
  oldTileRenewed(): void {
    this.#renewals += 1;
  }

  /** True once: when the session has got onto its first fast path. */
  isFirstOnFastPath(): boolean {
    if (this.#arrived || !this.isOnFastPath) return false;
    this.#arrived = true;
    return true;
  }

  /** The line for the second that ended; undefined counters: the host does not answer. */
  render(second: number, counters: AppliedCounters | undefined): string {
    const cells: Record<Column, string | number> = {
      s: second,
      session: this.sessionId,
      path: this.#pathInWords(),
      "fast paths": this.#fastPaths,
      "actions/s": counters === undefined ? "host away" : this.#appliedSince(counters),
      lost: counters?.missing ?? "",
      "gap ms": counters?.largestGapMs ?? "",
      renewals: this.#renewals,
      refreshed: this.#refreshes,
      renegotiated: this.#renegotiations,
    };
    return inColumns((name) => String(cells[name]));
  }

  #newsIn({ path, generation, reason }: StateSeen): string | undefined {
    if (path === "HTTP_FALLBACK" && this.isOnFastPath) {
      return `its fast path is lost (${reason.replaceAll("_", " ")}); actions go over HTTP`;
    }
    if (path !== "FAST_PATH" || generation === this.#generation) return undefined;
    return this.isOnFastPath ? "another fast path has taken over" : "it is on a fast path";
  }

  #pathInWords(): string {
    switch (this.#path) {
      case "FAST_PATH":
        return `fast path, ${this.#negotiating ? "replacing" : this.#health}`;
      case "HTTP_FALLBACK":
        return this.#negotiating ? "HTTP, negotiating" : "HTTP";
      default:
        return "none yet";
    }
  }

  #appliedSince({ applied }: AppliedCounters): number {
    // A host that was started anew counts from the beginning.
    const since = applied < this.#applied ? applied : applied - this.#applied;
    this.#applied = applied;
    return since;
  }
}

function inColumns(cellOf: (name: Column) => string): string {
  const names = Object.keys(columns) as Column[];
  const cells = names.map((name) => {
    const { width } = columns[name];
    return "isWord" in columns[name] ? cellOf(name).padEnd(width) : cellOf(name).padStart(width);
  });
  return cells.join("  ").trimEnd();
}
