import { Counter, type Registry } from "prom-client";

/** Counts by a few labels. Counting is a look-up and an addition; the rest waits for a scrape. */
export interface Tally {
  count(...labels: readonly string[]): void;
  add(amount: number, ...labels: readonly string[]): void;
}

export interface TallyOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export function createTally(registry: Registry, { name, help, labels }: TallyOptions): Tally {
  const sums = new Map<string, number>();
  const add = (amount: number, ...values: readonly string[]): void => {
    const key = values.length === 1 ? (values[0] ?? "") : values.join(separator);
    sums.set(key, (sums.get(key) ?? 0) + amount);
  };
  const counter = new Counter({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      counter.reset();
      for (const [key, sum] of sums) counter.inc(named(labels, key), sum);
    },
  });
  return { add, count: (...values) => add(1, ...values) };
}

const separator = "\n";

function named(labels: readonly string[], key: string): Record<string, string> {
  const values = key.split(separator);
  return Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""]));
}
