import type { Walked } from "./walk.ts";

/** One line on how far a walk went. */
export function reportOf({ scene, states, edges, depth, exhausted, compared }: Walked): string {
  const end = exhausted ? "all there are" : "cut off";
  const size = `${states} states, ${edges} edges, depth ${depth}, ${end}`;
  return `${scene.name}: ${size}; ${compared} pairs of like states compared`;
}

/** How often each kind of command was decided and each kind of event happened. */
export function countsOf(walks: readonly Walked[]): string {
  const sum = (pick: (walked: Walked) => ReadonlyMap<string, number>): string => {
    const total = new Map<string, number>();
    for (const walked of walks) {
      for (const [name, times] of pick(walked)) total.set(name, (total.get(name) ?? 0) + times);
    }
    return [...total]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, times]) => `${name} ${times}`)
      .join(", ");
  };
  return `commands: ${sum((one) => one.commands)}\nevents: ${sum((one) => one.events)}`;
}

/** What was broken, and the shortest way there; empty when nothing was. */
export function violationOf({ violation }: Walked): string {
  if (violation === undefined) return "";
  const faults = violation.faults.map(({ promise, sentence }) => `${promise}: ${sentence}`);
  return [...faults, "after", ...violation.path.map((move) => `  ${move}`)].join("\n");
}
