import type { Bench } from "./bench.ts";
import type { Contestant } from "./contestant.ts";

/** One of those that take turns: each round it starts afresh. */
export interface Entrant<Measurement> {
  readonly name: string;
  start(): Promise<Contestant>;
  measure(contestant: Contestant): Promise<Measurement>;
}

/**
 * Lets them take turns, so that whatever else the machine does meanwhile hits them alike. Resolves to
 * what each came to, round by round.
 */
export async function alternate<Measurement>(
  { size, progress }: Bench,
  what: string,
  entrants: readonly Entrant<Measurement>[],
): Promise<readonly Measurement[][]> {
  const measured: Measurement[][] = entrants.map(() => []);
  for (let round = 1; round <= size.rounds; round += 1) {
    for (const [index, { name, start, measure }] of entrants.entries()) {
      progress(`${what}: round ${round} of ${size.rounds}, ${name}`);
      await using contestant = await start();
      measured[index]?.push(await measure(contestant));
    }
  }
  return measured;
}
