import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** What the system says of a process at one moment. */
interface Sample {
  /** On the wall clock, as in logs. */
  readonly at: number;
  readonly residentBytes: number;
  /** Of its main thread: ready to run, and not let run, since it began. */
  readonly waitedMs: number;
  /** Run by its other threads since it began. */
  readonly othersRanMs: number;
  /** Of each processor, what the machine below this one ran something else for, since it booted. */
  readonly stolenMs: number;
}

const everyMs = 50;
/** What /proc counts processor time in, on every Linux there is. */
const tickMs = 10;

/** Looks at a process from outside, through /proc. */
export class ProcessWatch implements Disposable {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #samples: Sample[] = [];

  constructor(pid: number) {
    this.#pid = pid;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  get residentBytes(): number {
    this.#sample();
    return this.#samples.at(-1)?.residentBytes ?? 0;
  }

  /** Forgets what was before. */
  begin(): void {
    this.#samples = this.#samples.slice(-1);
    this.#sample();
  }

  get peakBytes(): number {
    return Math.max(...this.#samples.map(({ residentBytes }) => residentBytes));
  }

  /**
   * For how long, between two moments of the wall clock, the main thread was ready to run while the
   * machine ran something that was not of this process. It is the part of a stretch that the process
   * cannot help.
   */
  heldUpMs(from: number, until: number): number {
    const first = this.#samples.findLast(({ at }) => at <= from) ?? this.#samples[0];
    const last = this.#samples.find(({ at }) => at >= until) ?? this.#samples.at(-1);
    if (first === undefined || last === undefined) return 0;
    const waitedMs = last.waitedMs - first.waitedMs;
    const forOthersMs = Math.max(0, waitedMs - (last.othersRanMs - first.othersRanMs));
    return forOthersMs + last.stolenMs - first.stolenMs;
  }

  #sample(): void {
    try {
      const read = (name: string): string => readFileSync(`/proc/${this.#pid}/${name}`, "latin1");
      const [ranNs = 0, waitedNs = 0] = read(`task/${this.#pid}/schedstat`).split(" ").map(Number);
      // Behind the name, which may have blanks in it, the twelfth and thirteenth are user and system.
      const fields = read("stat")
        .replace(/^.*\) /s, "")
        .split(" ")
        .map(Number);
      const ranMs = tickMs * ((fields[11] ?? 0) + (fields[12] ?? 0));
      this.#samples.push({
        at: Date.now(),
        residentBytes: 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(read("status"))?.[1]),
        waitedMs: waitedNs / 1e6,
        othersRanMs: ranMs - ranNs / 1e6,
        stolenMs: stolenMs(),
      });
    } catch {
      // It has ended; what was seen of it stays.
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function stolenMs(): number {
  const [, ...fields] = readFileSync("/proc/stat", "latin1").split("\n", 1)[0]?.split(/ +/) ?? [];
  return (tickMs * Number(fields[7])) / availableParallelism();
}
