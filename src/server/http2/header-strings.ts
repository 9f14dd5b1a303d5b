import { getHeapStatistics } from "node:v8";

import type { Budgets } from "../../budget/budgets.ts";

const name = "header_string_bytes";

/** V8 begins a full collection once 64 MiB of buffers are new since the last one. */
const noticedBytes = 128 * 1024 * 1024;

/**
 * Counts the headers that come over HTTP/2. Node makes a string of each value whose bytes lie outside
 * V8's heap, and which only a full collection frees. V8 does not count these bytes when it decides to
 * begin one: headers of 14 kB would take gigabytes before it does.
 */
export class HeaderStrings {
  readonly #budgets: Budgets;
  #left: number;

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
    this.#left = budgets.limit(name);
  }

  /** Headers of so many bytes have come. A full collection begins where it is time for one. */
  bring(bytes: number): void {
    this.#left -= bytes;
    if (this.#left > 0) return;
    this.#budgets.refuse(name);
    // A large heap takes long to collect.
    this.#left = Math.max(this.#budgets.limit(name), getHeapStatistics().used_heap_size);
    beginCollection();
  }
}

/** Makes a buffer that nobody writes to, so that it takes no memory. V8 counts it all the same. */
function beginCollection(): void {
  try {
    new ArrayBuffer(noticedBytes);
  } catch {
    // A process without so much address space is about to collect by itself.
  }
}
