import { Counter, type Registry } from "prom-client";

/**
 * Counts by a few labels. Counting is a look-up and an addition, or with a cell that was looked up
 * before, an addition alone; the rest waits for a scrape.
 */
export interface Tally {
  count(...labels: readonly string[]): void;
  add(amount: number, ...labels: readonly string[]): void;
  /** The sum under these labels, for those who add to it often. */
  cell(...labels: readonly string[]): Cell;
}

export interface Cell {
  sum: number;
}

export interface TallyOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /**
   * What is shown as 0 before it is first counted. Prometheus sees no increase in a series that
   * begins with 1, so that an alert would miss what happens for the first time.
   */
  readonly known?: readonly (readonly string[])[];
}

export function createTally(registry: Registry, options: TallyOptions): Tally {
  const { name, help, labels, known = [] } = options;
  const cells = new ByLabels(labels, (): Cell => ({ sum: 0 }));
  for (const values of known) cells.of(values);
  const counter = new Counter({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      counter.reset();
      for (const [named, { sum }] of cells) counter.inc(named, sum);
    },
  });
  return {
    cell: (...values) => cells.of(values),
    add(amount, ...values) {
      cells.of(values).sum += amount;
    },
    count(...values) {
      cells.of(values).sum += 1;
    },
  };
}

/** One of something for each combination of values of the labels. */
export class ByLabels<T> implements Iterable<readonly [Record<string, string>, T]> {
  readonly #labels: readonly string[];
  readonly #make: () => T;
  readonly #byValues = new Map<string, T>();

  constructor(labels: readonly string[], make: () => T) {
    this.#labels = labels;
    this.#make = make;
  }

  of(values: readonly string[]): T {
    const key = values.length === 1 ? (values[0] ?? "") : values.join(separator);
    const known = this.#byValues.get(key);
    if (known !== undefined) return known;
    const made = this.#make();
    this.#byValues.set(key, made);
    return made;
  }

  *[Symbol.iterator](): Iterator<readonly [Record<string, string>, T]> {
    for (const [key, one] of this.#byValues) {
      const values = key.split(separator);
      const named = this.#labels.map((label, index) => [label, values[index] ?? ""]);
      yield [Object.fromEntries(named), one];
    }
  }
}

const separator = "\n";
