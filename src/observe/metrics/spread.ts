import { Histogram, type Registry } from "prom-client";

import { ByLabels, type TallyOptions } from "./tally.ts";

/** How values of a kind are spread, by a few labels: a histogram that is folded at a scrape. */
export interface Spread {
  /** Where values under these labels go; looked up once by those who have many. */
  of(...labels: readonly string[]): Buckets;
}

export interface SpreadOptions extends TallyOptions {
  /** Upper bounds, inclusive and rising; beyond the last there is one more bucket. */
  readonly bounds: readonly number[];
}

/** Taking a value in is a search among a few bounds and two additions. */
export class Buckets {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  take(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  /** Samples of a histogram of that name: what is at or below each bound, sum and count. */
  samples(name: string, sharedLabels: Record<string, string>): readonly Sample[] {
    let count = 0;
    const buckets = [...this.#counts].map((inBucket, at) => {
      count += inBucket;
      const le = this.#bounds[at] ?? "+Inf";
      return { metricName: `${name}_bucket`, sharedLabels, labels: { le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, sharedLabels, labels: {}, value: this.#sum },
      { metricName: `${name}_count`, sharedLabels, labels: {}, value: count },
    ];
  }
}

interface Sample {
  readonly metricName: string;
  readonly sharedLabels: Record<string, string>;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

export function createSpread(registry: Registry, options: SpreadOptions): Spread {
  const { name, help, labels, bounds } = options;
  const all = new ByLabels(labels, () => new Buckets(bounds));
  if (labels.length === 0) all.of([]);
  new FoldedHistogram({ name, help, labelNames: [...labels], registers: [registry] }, () =>
    [...all].flatMap(([named, buckets]) => buckets.samples(name, named)),
  );
  return { of: (...values) => all.of(values) };
}

/**
 * A histogram whose values are kept elsewhere. The registry asks for them by a method that the types
 * of prom-client leave out.
 */
class FoldedHistogram extends Histogram {
  readonly #folded: () => object;

  constructor(
    options: ConstructorParameters<typeof Histogram>[0],
    samples: () => readonly Sample[],
  ) {
    super(options);
    const { name, help } = options;
    this.#folded = () => ({ name, help, type: "histogram", aggregator: "sum", values: samples() });
  }

  async getForPromString(): Promise<object> {
    return this.#folded();
  }
}
