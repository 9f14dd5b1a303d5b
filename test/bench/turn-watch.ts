/** What the turns of an event loop took that took longest. */
export interface LongestTurn {
  /** On the clock: for so long everything else waited, wherever the processor was meanwhile. */
  readonly wallMs: number;
  /** Of processor for the loop's own thread. */
  readonly cpuMs: number;
}

/** So often it looks: what it says may be longer by as much. */
const everyMs = 1;

/** Watches this thread's event loop, at the price of a timer each millisecond. */
export class TurnWatch {
  #timer: NodeJS.Timeout | undefined;
  #longest: LongestTurn = { wallMs: 0, cpuMs: 0 };

  /** The longest since this was asked last; it begins when it is asked for the first time. */
  take(): LongestTurn {
    const longest = this.#longest;
    this.#longest = { wallMs: 0, cpuMs: 0 };
    clearInterval(this.#timer);
    this.#begin();
    return longest;
  }

  #begin(): void {
    let wall = performance.now();
    let cpu = process.threadCpuUsage();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const used = process.threadCpuUsage();
      const cpuMs = (used.user + used.system - cpu.user - cpu.system) / 1000;
      this.#longest = {
        wallMs: Math.max(this.#longest.wallMs, now - wall),
        cpuMs: Math.max(this.#longest.cpuMs, cpuMs),
      };
      [wall, cpu] = [now, used];
    }, everyMs);
  }
}
