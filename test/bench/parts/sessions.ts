import type { Bench, Part } from "../bench.ts";
import { bytesPerSession } from "../memory.ts";
import { bounded, type Findings } from "../report/row.ts";

export const sessionsPart: Part = {
  name: "sessions",
  title: "Many sessions",
  seconds: ({ sessions }) => 2 + sessions / 8_000,
  run,
};

const bytesBelow = 1_200;

async function run({ size, progress }: Bench): Promise<Findings> {
  progress(`the memory of ${size.sessions} sessions`);
  const bytes = await bytesPerSession(size.sessions);
  const name = "memory of a session with a lease and an active transport";
  return { rows: [bounded({ name, unit: "B", values: [bytes] }, bytesBelow)] };
}
