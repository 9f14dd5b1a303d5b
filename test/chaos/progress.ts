import type { DurationMs, EpochMs } from "../../src/core/time.ts";
import type { History } from "../simulation/seen/history.ts";
import type { Sight } from "../simulation/seen/sight.ts";
import type { Time } from "../simulation/world.ts";

const everyMs: DurationMs = 10_000;

interface ProgressParts {
  readonly time: Time;
  readonly history: History;
  readonly say: (line: string) => void;
}

/** Tells every ten seconds how far it is. */
export class Progress {
  readonly #parts: ProgressParts;
  readonly #start: EpochMs;
  readonly #leases = new Set<string>();
  readonly #handshakes = new Set<string>();
  #strikes = 0;
  #answered = 0;
  #refused = 0;
  #asked = 0;
  #received = 0;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
    this.#start = parts.time.now;
    parts.history.follow((sight) => this.#see(sight));
  }

  noteStrike(): void {
    this.#strikes += 1;
  }

  async report(): Promise<void> {
    for (;;) {
      await this.#parts.time.sleep(everyMs);
      this.#parts.say(this.line);
    }
  }

  get line(): string {
    const seconds = Math.round((this.#parts.time.now - this.#start) / 1_000);
    const unheard = this.#asked - this.#answered - this.#refused;
    return [
      `${String(seconds).padStart(5)} s`,
      `${this.#strikes} faults`,
      `calls: ${this.#answered} answered, ${this.#refused} refused, ${unheard} unheard`,
      `${this.#received} messages on streams`,
      `${this.#handshakes.size} handshakes offered`,
      `${this.#leases.size} leases`,
    ].join(" · ");
  }

  #see(sight: Sight): void {
    if (sight.kind === "asked") this.#asked += 1;
    if (sight.kind === "received") this.#received += 1;
    if (sight.kind !== "answered") return;
    const { answer } = sight;
    if (answer.kind === "refused") {
      this.#refused += 1;
      return;
    }
    this.#answered += 1;
    if (answer.lease !== undefined) this.#leases.add(answer.lease.id);
    const handshakeId = answer.negotiation?.handshakeId;
    if (handshakeId !== undefined) this.#handshakes.add(handshakeId);
  }
}
