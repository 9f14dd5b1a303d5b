/** How many connections each door may have open. */
export interface ConnectionShares {
  readonly internal: number;
  readonly public: number;
  readonly ops: number;
}

/** Files that the process needs for other things: the store, its log, what Node itself has open. */
const reserve = 48;
const opsMax = 64;
const opsMin = 8;
/** What a door may have at most, however many files there may be. */
const doorMax = 50_000;

/**
 * Shares what the process may open among the doors, so that one that is full leaves the others
 * theirs: operators a few, and the two others half of the rest each.
 *
 * @param openFilesMax how many files and connections the process may have open in all
 */
export function connectionShares(openFilesMax: number): ConnectionShares {
  const files = Math.max(0, openFilesMax - reserve);
  const ops = Math.max(opsMin, Math.min(opsMax, Math.floor(files / 8)));
  const half = Math.max(1, Math.min(doorMax, Math.floor((files - ops) / 2)));
  return { internal: half, public: half, ops };
}
