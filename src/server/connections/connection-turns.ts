import { AsyncLocalStorage } from "node:async_hooks";

import type { Budgets } from "../../budget/budgets.ts";
import type { Sleep } from "../door.ts";
import { LoopShares, type Weight } from "./loop-shares.ts";
import { type Reader, Readers } from "./readers.ts";
import { WaitingWork, type Work } from "./waiting-work.ts";

/** A turn is for many calls, and belongs to none that happens to begin it. */
const outsideCalls = AsyncLocalStorage.snapshot();
/** Work that waited begins in so many parts of a turn: what follows from one is over before the next. */
const partsPerTurn = 8;
/** It is begun for so long in a part: what follows from it takes several times that. */
const beginMs = 1;
/** So much work is begun in a turn, however short it is: most of a call follows from its beginning. */
const perTurnMax = 64;
/** A turn that takes so many times as long as it should is slow. */
const slowTurns = 2;
/** After a slow turn half as much work is begun, down to this; after any other, a step more. */
const perTurnMin = 8;
const perTurnStep = 8;
/** Long work that takes so many times as long is followed by a rest of the same length, up to this. */
const longTurns = 4;
const restMsMax = 50;
/** Of what connections bring, so much passes between two looks at the clock. */
const broughtPerLook = 64;
/** Work that is looked at in a part, including what there was nothing to do for. */
const looksPerPart = 125;
/** Of so many turns one begins with those that took much. */
const turnsOfLight = 8;

const never = new AbortController().signal;

/**
 * Shares the event loop out among the connections of all doors: what they bring is read, begun and
 * parsed at once while a turn of the loop is short, and the rest waits for later turns. Connections
 * that took little of the loop come first, each in turn, and first those whose network did.
 */
export class ConnectionTurns {
  readonly #turnMs: number;
  readonly #now: () => number;
  readonly #sleep: Sleep;
  readonly #waiting = new WaitingWork();
  /** Long work: however much of it waits, other work does not wait for more than one of it. */
  readonly #waitingLong = new WaitingWork();
  readonly #shares = new LoopShares();
  readonly #readers = new Readers();
  #brought = 0;
  #count = 0;
  #isTurnSet = false;
  #turnBegan = 0;
  /** Work that was begun in this turn, and how much may be. */
  #begun = 0;
  #perTurn = perTurnMax;
  /** Parts that this turn, or the next one, still has for work that waits. */
  #partsLeft = 0;
  /** Whose work was begun last, and when: what follows from it counts until other work begins. */
  #at: object | undefined;
  #atSince = 0;
  /** Long work has begun in the turn. */
  #isLong = false;
  /** None begins before, … */
  #restUntil = Number.NEGATIVE_INFINITY;
  /** … which some waits for. */
  #isResting = false;

  /** @param now milliseconds that never go back */
  constructor(budgets: Budgets, now: () => number, sleep: Sleep) {
    this.#now = now;
    this.#sleep = sleep;
    this.#turnMs = budgets.limit("turn_ms");
  }

  /** The number of the turn of the loop; it rises while connections bring anything. */
  get turn(): number {
    return this.#count;
  }

  /** The number of the second in which connections brought something last. */
  get second(): number {
    return Math.floor(this.#atSince / 1000);
  }

  /** The reader belongs to a new connection; to be forgotten when that closes. */
  addNew(reader: Reader): void {
    this.#readers.addNew(reader, this.second);
  }

  forget(reader: Reader): void {
    this.#readers.forget(reader);
  }

  /**
   * A connection has brought a call, the end of one, or a part of it. Once that has filled the turn, no
   * other new connection is read in it.
   */
  bring(reader: Reader): void {
    this.#brought += 1;
    if (this.#brought % broughtPerLook !== 0) return;
    const now = this.#now();
    this.#setTurn(now);
    if (now - this.#turnBegan > this.#turnMs) {
      this.#readers.holdOthers(reader, this.#count, this.second);
    }
  }

  /**
   * Does the work at once if this turn has room, else when the connection has its turn.
   *
   * @param connection its socket or session
   */
  begin(connection: object, work: Work): void {
    if (this.hasRoom(connection)) work();
    else this.wait(connection, work);
  }

  /** Whether work may be done at once, which is then counted for the connection. */
  hasRoom(connection: object): boolean {
    const now = this.#now();
    this.#setTurn(now);
    const isFull = this.#begun >= this.#perTurn || now - this.#turnBegan > this.#turnMs;
    if (!this.#waiting.isEmpty || isFull) return false;
    this.#begun += 1;
    this.#follow(connection, now);
    return true;
  }

  /** Does the work when the connection has its turn, not before the next turn of the loop. */
  wait(connection: object, work: Work): void {
    this.#waitIn(this.#waiting, () => this.#weightOf(connection), connection, work);
  }

  /**
   * Resolves when the connection may work for a millisecond or more: one does so in a turn, behind the
   * other work of it. Where that takes too long, others have as much time before the next one does.
   */
  next(connection: object): Promise<void> {
    return this.#nextAs(() => this.#weightOf(connection), connection);
  }

  /**
   * The same for what begins a connection. Where its network took much, those of it that are open come
   * first: what they brought is done before they bring more by new ones.
   */
  nextToConnect(connection: object): Promise<void> {
    const weigh = (): Weight => (this.#weightOf(connection) === "light" ? "light" : "heavy");
    return this.#nextAs(weigh, connection);
  }

  /** Resolves after so many milliseconds. */
  after(timeMs: number): Promise<void> {
    return this.#sleep(timeMs, never);
  }

  #nextAs(weigh: () => Weight, connection: object): Promise<void> {
    return new Promise((resolve) => {
      this.#waitIn(this.#waitingLong, weigh, connection, () => {
        resolve();
        return true;
      });
    });
  }

  #weightOf(connection: object): Weight {
    return this.#shares.weightOf(connection, this.#now());
  }

  #waitIn(waiting: WaitingWork, weigh: () => Weight, connection: object, work: Work): void {
    this.#setTurn(this.#now());
    waiting.push(connection, weigh, () => {
      this.#follow(connection, this.#now());
      return work();
    });
    this.#setParts();
  }

  get #isIdle(): boolean {
    return this.#waiting.isEmpty && (this.#waitingLong.isEmpty || this.#isResting);
  }

  #setTurn(now: number): void {
    if (this.#isTurnSet) return;
    this.#isTurnSet = true;
    this.#turnBegan = now;
    outsideCalls(() => setImmediate(() => this.#turn()));
  }

  #turn(): void {
    const now = this.#now();
    this.#follow(undefined, now);
    this.#adapt(now, now - this.#turnBegan);
    this.#isTurnSet = false;
    this.#count += 1;
    this.#begun = 0;
    if (!this.#isIdle) this.#setTurn(now);
  }

  /** Behind the turn's beginning. Node sees to what follows from one immediate before the next. */
  #setParts(): void {
    if (this.#partsLeft > 0) return;
    this.#partsLeft = partsPerTurn;
    outsideCalls(() => {
      for (let part = 0; part < partsPerTurn; part += 1) setImmediate(this.#part);
    });
  }

  readonly #part = (): void => {
    this.#partsLeft -= 1;
    const now = this.#now();
    // However full the turn is, something begins in it.
    const isFirst = this.#partsLeft === partsPerTurn - 1;
    if (isFirst || now - this.#turnBegan <= this.#turnMs) this.#beginWaiting(now);
    if (this.#partsLeft > 0) return;
    this.#beginLong(this.#now());
    if (!this.#isIdle) this.#setParts();
  };

  #beginLong(now: number): void {
    if (this.#isResting || this.#waitingLong.isEmpty) return;
    const restMs = this.#restUntil - now;
    if (restMs > 0) {
      this.#isResting = true;
      void this.#sleep(restMs, never).then(() => {
        this.#isResting = false;
        this.#setParts();
      });
      return;
    }
    this.#setTurn(now);
    this.#isLong = true;
    this.#waitingLong.shift(this.#isOfHeavy)?.();
  }

  #beginWaiting(now: number): void {
    const begunMax = Math.min(this.#perTurn, this.#begun + this.#perTurn / partsPerTurn);
    for (let looks = 0; looks < looksPerPart; looks += 1) {
      if (this.#begun >= begunMax) return;
      const work = this.#waiting.shift(this.#isOfHeavy);
      if (work === undefined) return;
      if (!work()) continue;
      this.#begun += 1;
      if (this.#now() - now > beginMs) return;
    }
  }

  /** What follows from work later cannot be told from its beginning, only from how long turns took. */
  #adapt(now: number, tookMs: number): void {
    const tookLong = tookMs > longTurns * this.#turnMs;
    if (tookLong && this.#isLong) this.#restUntil = now + Math.min(tookMs, restMsMax);
    this.#isLong = false;
    this.#perTurn =
      tookMs > slowTurns * this.#turnMs
        ? Math.max(perTurnMin, this.#perTurn / 2)
        : Math.min(perTurnMax, this.#perTurn + perTurnStep);
  }

  get #isOfHeavy(): boolean {
    return this.#count % turnsOfLight === 0;
  }

  /** Counts the time for whoever worked so far. */
  #follow(connection: object | undefined, now: number): void {
    if (this.#at !== undefined) this.#shares.take(this.#at, now - this.#atSince, now);
    this.#at = connection;
    this.#atSince = now;
  }
}
