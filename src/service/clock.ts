import { uptime } from "node:os";

import type { DurationMs, EpochMs } from "../core/time.ts";

/** The only time there is: everything that waits or reads time is given one of these. */
export interface Clock {
  /** Service time: never goes back, whatever the wall clock does. */
  now(): EpochMs;
  /** The wall clock of this moment, for token checks; what is told outside goes by WallTime. */
  wall(): EpochMs;
  /** Resolves after the duration, or at once when the signal aborts. Never rejects. */
  sleep(duration: DurationMs, signal: AbortSignal): Promise<void>;
  /** Tells of each jump when the clock is next read, and before that reading is used. */
  jumps(listener: (jump: ClockJump) => void): Disposable;
}

/**
 * `stepped`: somebody set the wall clock, by so much. `suspended`: the machine slept for so long, and
 * service time has moved on by it.
 */
export interface ClockJump {
  readonly kind: "stepped" | "suspended";
  readonly byMs: DurationMs;
}

/** A clock that keeps to another one, so that several processes have one service time. */
export interface SteeredClock extends Clock {
  /**
   * Tells how far the reference is ahead at this moment. The first word is taken as it is, and has
   * to come before anything goes by this clock; later ones bend it by so little that a second stays
   * a second to within one percent, and never take it back.
   */
  steer(aheadMs: DurationMs): void;
}

/** How much a word may bend the clock, as a share of the time since the word before. */
const bendShare = 0.01;

/** Goes by `base` until it is steered. */
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
    // What was read before was no service time: a wall clock that is ahead must not hold it up.
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
  /** Goes on from this moment if it is later: for when nothing has gone by the clock yet. */
  beginAt(notBefore: EpochMs): void;
}

/** A wall clock that moves by more at once was stepped; ntpd slews up to 128 ms. */
export const stepMs: DurationMs = 100;
/** A suspend that shows on a clock which is right to a second. */
const suspendMsMin: DurationMs = 1_100;
/** How often it is looked for a suspend that the wall clock does not show. */
const lookEveryMs: DurationMs = 1_000;
/** Clocks that are read further apart than this are not compared: the process had to wait. */
const readMsMax: DurationMs = 20;

/** Service time on the clocks of a machine. */
export function machineClock(machine: MachineTime, sleep: Clock["sleep"]): SystemClock {
  return new MachineClock(machine, sleep);
}

export function systemClock(): SystemClock {
  return machineClock(thisMachine, sleepOnTimer);
}

const thisMachine: MachineTime = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  boot: () => uptime() * 1000,
};

/**
 * The wall clock read once, then the monotonic clock and however long the machine was suspended. So
 * service time and wall time stay together through a suspend, and the stretch shows as time in which
 * nobody was heard; a wall clock that is stepped moves service time by nothing.
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
    const monotonic = machine.monotonic();
    this.sleep = sleep;
    this.#machine = machine;
    this.#bootAheadMs = machine.boot() - monotonic;
    this.#wallAheadMs = machine.wall() - monotonic;
    this.#origin = this.#wallAheadMs;
    this.#lookedAt = monotonic;
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

  /** Tells a suspend by the boot clock; what else moved the wall clock was a step. */
  #look(): void {
    const monotonic = this.#machine.monotonic();
    const wallAheadMs = this.#machine.wall() - monotonic;
    const bootAheadMs = this.#machine.boot() - monotonic;
    if (this.#machine.monotonic() - monotonic > readMsMax) return;
    const suspendedMs = bootAheadMs - this.#bootAheadMs - this.#suspendedMs;
    const isSuspend = suspendedMs >= suspendMsMin;
    const steppedMs = wallAheadMs - this.#wallAheadMs - (isSuspend ? suspendedMs : 0);
    this.#lookedAt = monotonic;
    this.#wallAheadMs = wallAheadMs;
    if (isSuspend) {
      this.#suspendedMs += suspendedMs;
      this.#tell({ kind: "suspended", byMs: suspendedMs });
    }
    // As fine as the boot clock is, where that tells the one from the other.
    if (Math.abs(steppedMs) > (isSuspend ? suspendMsMin : stepMs)) {
      this.#tell({ kind: "stepped", byMs: steppedMs });
    }
  }

  #tell(jump: ClockJump): void {
    for (const listener of this.#listeners) listener(jump);
  }
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
