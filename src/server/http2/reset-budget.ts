import type { Budget, Budgets } from "../../budget/budgets.ts";
import { networkOf } from "../connections/network.ts";
import type { Sleep } from "../door.ts";

const refillMs = 1_000;
/** What comes back each second of what an address may reset, and what has to be there to connect. */
const refillShare = 20;
/** A connection that HTTP/2 had to end counts as so many resets. */
const resetsOfBroken = 500;
/**
 * A reset that comes with its stream counts as so many. Callers cancel what they have waited for;
 * only attacks open thousands of streams that they never wanted (CVE-2023-44487).
 */
const resetsOfRapid = 8;
/** Addresses that are counted by themselves; what others reset is counted together. */
const addressesMax = 10_000;
const others = "others";

/**
 * Streams that callers opened and reset, counted by their address over all connections: HTTP/2
 * counts them for each connection only, so that a new connection would start from zero.
 */
export class ResetBudget {
  readonly #budgets: Budgets;
  readonly #used = new Map<string, Budget>();

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
  }

  /** Counts one; returns whether its connection may go on. */
  count(address: string): boolean {
    return this.#usedBy(address).take();
  }

  /** Counts so many at once; returns whether their connection may go on. */
  countAll(address: string, resets: number): boolean {
    const used = this.#usedBy(address);
    const left = this.#limit - used.used;
    return used.take(Math.min(resets, left)) && resets <= left;
  }

  /** Counts a reset that came in the turn of its stream; false once its connection may not go on. */
  countRapid(address: string): boolean {
    return this.countAll(address, resetsOfRapid);
  }

  /** Counts a connection that broke a rule or a limit, so that it does not pay to connect anew. */
  countBroken(address: string): void {
    this.countAll(address, resetsOfBroken);
  }

  #usedBy(address: string): Budget {
    const network = networkOf(address);
    const isKnown = this.#used.has(network) || this.#used.size < addressesMax;
    const key = isKnown ? network : others;
    const used = this.#used.get(key) ?? this.#budgets.each("address_resets");
    this.#used.set(key, used);
    return used;
  }

  /** Whether a new connection from there is accepted. */
  admits(address: string): boolean {
    const used = this.#used.get(networkOf(address))?.used ?? 0;
    const fits = used <= this.#limit * (1 - 1 / refillShare);
    if (!fits) this.#budgets.refuse("address_resets");
    return fits;
  }

  /** Gives back a part of what was used, each second, until the signal aborts. */
  async refill(sleep: Sleep, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(refillMs, signal);
      for (const [address, used] of this.#used) {
        used.giveBack(Math.min(used.used, this.#limit / refillShare));
        if (used.used === 0) this.#used.delete(address);
      }
    }
  }

  get #limit(): number {
    return this.#budgets.limit("address_resets");
  }
}
