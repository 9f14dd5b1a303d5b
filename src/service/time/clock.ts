import { uptime } from "node:os";

import type { DurationMs, EpochMs } from "../../core/time.ts";

/** The only time there is: everything that waits or reads time is given one of these. */
export interface Clock {
  /** Service time: never goes back, whatever the wall clock does. */
  now(): EpochMs;
  /** The wall clock, for token checks. Moments that leave the service go through WallTime. */
  wall(): EpochMs;
  /** Resolves after the duration, or at once when the signal aborts. Never rejects. */
  sleep(duration: DurationMs, signal: AbortSignal): Promise<void>;
  /** Reports each jump when the clock is next read, before the reading is used. */
  jumps(listener: (jump: ClockJump) => void): Disposable;
}

/**
 * `stepped`: the wall clock was set, by this much. `suspended`: the machine slept for this long,
 * and service time moved on with it.
 */
export interface ClockJump {
  readonly kind: "stepped" | "suspended";
  readonly byMs: DurationMs;
}

/** A clock that follows a reference, so that several processes share one service time. */
export interface SteeredClock extends Clock {
  /**
   * Takes how far the reference is ahead now. The first value sets the clock and must come before
   * anything reads it. Later values bend it by at most one percent and never move it back.
   */
  steer(aheadMs: DurationMs): void;
}

/** How much a value may bend the clock, as a share of the time since the value before. */
const bendShare = 0.01;

/** Follows `base` until it is steered. */
export function steeredClock(base: Clock): SteeredClock {
  let offset: DurationMs | undefined;
  let steeredAt: EpochMs = 0;
  let last: EpochMs = 0;
  const now = (): EpochMs => {
    last = Math.max(last, Math.floor(base.now() + (offset ?? 0)));
    return last;
  };
  const steer = (aheadMs: DurationMs): void => {
    const at = base.now();
    const bendMax = (at - steeredAt) * bendShare;
    steeredAt = at;
    if (offset !== undefined) {
      offset += Math.max(-bendMax, Math.min(aheadMs, bendMax));
      return;
    }
    offset = aheadMs;
    // Readings before this were not service time: a wall clock that is ahead must not hold it back.
    last = 0;
  };
  return {
    now,
    wall: () => base.wall(),
    sleep: (duration, signal) => base.sleep(duration, signal),
    jumps: (listener) => base.jumps(listener),
    steer,
  };
}

/** What the clocks of a machine show, in milliseconds. */
export interface MachineTime {
  /** Since the epoch; people and NTP may step it. */
  wall(): EpochMs;
  /** Runs evenly from some moment on, and stands still while the machine is suspended. */
  monotonic(): DurationMs;
  /** The same, but runs on while the machine is suspended; right to a second. */
  boot(): DurationMs;
}

/** A clock that begins at the wall clock. */
export interface SystemClock extends Clock {
  /** Continues from this moment if it is later; only before anything has read the clock. */
  beginAt(notBefore: EpochMs): void;
}

/** A wall clock that moves by more at once was stepped; ntpd slews up to 128 ms. */
export const stepMs: DurationMs = 100;
/** A suspend that shows on a clock which is right to a second. */
const suspendMsMin: DurationMs = 1_100;
/** How often to look for a suspend that the wall clock does not show. */
const lookEveryMs: DurationMs = 1_000;
/** Clocks read further apart than this are not compared: the process was interrupted. */
const readMsMax: DurationMs = 20;
/** A process that is interrupted this often in a row has to begin all the same. */
const readTriesMax = 20;

/** Service time on the clocks of a machine. */
export function machineClock(machine: MachineTime, sleep: Clock["sleep"]): SystemClock {
  return new MachineClock(machine, sleep);
}

export function systemClock(): SystemClock {
  return machineClock(thisMachine, sleepOnTimer);
}

/**
 * Calls back after the duration, at most 24 days, unless it is cancelled: for what nearly always ends
 * before, and is waited for by the thousand.
 *
 * @returns cancels it
 */
export function callAfter(duration: DurationMs, over: () => void): () => void {
  const timer = setTimeout(over, duration);
  return () => clearTimeout(timer);
}

/** Milliseconds that never go back, for what is measured and not promised. */
export function monotonicMs(): number {
  return performance.now();
}

const thisMachine: MachineTime = {
  wall: () => Date.now(),
  monotonic: monotonicMs,
  boot: () => uptime() * 1000,
};

/**
 * The wall clock read once, then the monotonic clock and however long the machine was suspended. So
 * service time and wall time stay together through a suspend, which counts as a gap. A step of the
 * wall clock does not move service time.
 */
class MachineClock implements SystemClock {
  readonly sleep: Clock["sleep"];
  readonly #machine: MachineTime;
  readonly #listeners = new Set<(jump: ClockJump) => void>();
  /** How far the boot clock was ahead of the monotonic one. */
  readonly #bootAheadMs: DurationMs;
  #origin: EpochMs;
  #suspendedMs: DurationMs = 0;
  /** How far the wall clock was ahead of the monotonic one at the last look, and when that was. */
  #wallAheadMs: DurationMs;
  #lookedAt: DurationMs;

  constructor(machine: MachineTime, sleep: Clock["sleep"]) {
    this.sleep = sleep;
    this.#machine = machine;
    let read = readTogether(machine);
    // All service time begins here: where the process is interrupted between two clocks, again.
    for (let tries = 1; read.tookMs > readMsMax && tries < readTriesMax; tries += 1) {
      read = readTogether(machine);
    }
    this.#bootAheadMs = read.bootAheadMs;
    this.#wallAheadMs = read.wallAheadMs;
    this.#origin = read.wallAheadMs;
    this.#lookedAt = read.monotonic;
  }

  now(): EpochMs {
    const monotonic = this.#machine.monotonic();
    if (this.#isToLook(monotonic)) this.#look();
    return Math.floor(this.#origin + monotonic + this.#suspendedMs);
  }

  wall(): EpochMs {
    return this.#machine.wall();
  }

  beginAt(notBefore: EpochMs): void {
    this.#origin += Math.max(0, notBefore - this.now());
  }

  jumps(listener: (jump: ClockJump) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  #isToLook(monotonic: DurationMs): boolean {
    const movedMs = this.#machine.wall() - monotonic - this.#wallAheadMs;
    return Math.abs(movedMs) > stepMs || monotonic - this.#lookedAt >= lookEveryMs;
  }

  /** The boot clock shows a suspend. Any other move of the wall clock is a step. */
  #look(): void {
    const { monotonic, wallAheadMs, bootAheadMs, tookMs } = readTogether(this.#machine);
    if (tookMs > readMsMax) return;
    const suspendedMs = bootAheadMs - this.#bootAheadMs - this.#suspendedMs;
    const isSuspend = suspendedMs >= suspendMsMin;
    const steppedMs = wallAheadMs - this.#wallAheadMs - (isSuspend ? suspendedMs : 0);
    this.#lookedAt = monotonic;
    this.#wallAheadMs = wallAheadMs;
    if (isSuspend) {
      this.#suspendedMs += suspendedMs;
      this.#notify({ kind: "suspended", byMs: suspendedMs });
    }
    // The boot clock is exact to a second, so a shorter move counts as a step.
    if (Math.abs(steppedMs) > (isSuspend ? suspendMsMin : stepMs)) {
      this.#notify({ kind: "stepped", byMs: steppedMs });
    }
  }

  #notify(jump: ClockJump): void {
    for (const listener of this.#listeners) listener(jump);
  }
}

/** How far the other clocks are ahead of the monotonic one, and how long it took to read them. */
function readTogether(machine: MachineTime): {
  readonly monotonic: DurationMs;
  readonly wallAheadMs: DurationMs;
  readonly bootAheadMs: DurationMs;
  readonly tookMs: DurationMs;
} {
  const monotonic = machine.monotonic();
  const wallAheadMs = machine.wall() - monotonic;
  const bootAheadMs = machine.boot() - monotonic;
  return { monotonic, wallAheadMs, bootAheadMs, tookMs: machine.monotonic() - monotonic };
}

/** The longest that a timer can wait; above that, Node's fires at once. */
const timerMsMax: DurationMs = 2 ** 31 - 1;

function sleepOnTimer(duration: DurationMs, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const wait = (leftMs: DurationMs): NodeJS.Timeout =>
      leftMs <= timerMsMax
        ? setTimeout(wake, leftMs)
        : setTimeout(() => {
            timer = wait(leftMs - timerMsMax);
          }, timerMsMax);
    let timer = wait(Math.max(0, duration));
    signal.addEventListener("abort", wake, { once: true });
  });
}
