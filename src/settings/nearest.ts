/** The candidate that `text` begins, or that most resembles it; undefined when none does. */
export function nearest<T extends string>(text: string, candidates: readonly T[]): T | undefined {
  return candidates.find((candidate) => candidate.startsWith(text)) ?? closest(text, candidates);
}

function closest<T extends string>(text: string, candidates: readonly T[]): T | undefined {
  let best: T | undefined;
  let distanceBest = Math.ceil(text.length / 3);
  for (const candidate of candidates) {
    const distance = editDistance(text, candidate);
    if (distance >= distanceBest) continue;
    best = candidate;
    distanceBest = distance;
  }
  return best;
}

/** Insertions, deletions and substitutions between two texts (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [line, character] of [...a].entries()) {
    const next = [line + 1];
    for (let column = 0; column < b.length; column += 1) {
      const substitution = (row[column] ?? 0) + (character === b[column] ? 0 : 1);
      const insertion = (next[column] ?? 0) + 1;
      const deletion = (row[column + 1] ?? 0) + 1;
      next.push(Math.min(substitution, insertion, deletion));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
