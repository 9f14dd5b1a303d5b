import type { Inspector } from "./inspector.ts";

/** The longest turn of an event loop, in ms. */
export interface LongestTurn {
  /** From its beginning to its end, in which the machine may have run something else. */
  readonly wallMs: number;
  /** Of it, what the thread of the loop was let run. */
  readonly processorMs: number;
}

/** Between two looks; short turns that pass in this time are seen as one. */
const everyMs = 1;

/**
 * A timer in the process itself: it comes late by as much as a turn takes. What the thread was kept
 * waiting for the processor is told by the system to the nanosecond; what it ran, only by the tick,
 * which may be 4 ms.
 */
const meter = `(() => {
  const fs = process.getBuiltinModule("node:fs");
  const file = fs.openSync("/proc/self/schedstat");
  const bytes = Buffer.alloc(128);
  const waitedMs = () => {
    const length = fs.readSync(file, bytes, 0, bytes.length, 0);
    return Number(bytes.latin1Slice(0, length).split(" ")[1]) / 1e6;
  };
  let at = performance.now();
  let waited = waitedMs();
  let longest = { wallMs: 0, processorMs: 0 };
  const look = () => {
    const [before, waitedBefore] = [at, waited];
    at = performance.now();
    waited = waitedMs();
    const wallMs = at - before - ${everyMs};
    longest.wallMs = Math.max(longest.wallMs, wallMs);
    longest.processorMs = Math.max(longest.processorMs, wallMs - (waited - waitedBefore));
  };
  setInterval(look, ${everyMs}).unref();
  globalThis.takeLongestTurn = () => {
    const taken = longest;
    longest = { wallMs: 0, processorMs: 0 };
    return taken;
  };
})()`;

/** Measures the turns of another process, which notices next to nothing of it. */
export class TurnMeter {
  readonly #inspector: Inspector;

  private constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  static async start(inspector: Inspector): Promise<TurnMeter> {
    await inspector.evaluate(meter);
    return new TurnMeter(inspector);
  }

  /** The longest turn since this was asked last; the worst of each figure, not always of one turn. */
  async take(): Promise<LongestTurn> {
    return (await this.#inspector.evaluate("takeLongestTurn()")) as LongestTurn;
  }
}
