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
/** The most that a door may have, whatever the limit on files. */
const doorMax = 50_000;

/**
 * Divides the process's limit on open files among the doors, so that a full door does not starve
 * another: a few for operators, and half of the rest for each of the two others.
 *
 * @param openFilesMax how many files and connections the process may have open in all
 */
export function connectionShares(openFilesMax: number): ConnectionShares {
  const files = Math.max(0, openFilesMax - reserve);
  const ops = Math.max(opsMin, Math.min(opsMax, Math.floor(files / 8)));
  const half = Math.max(1, Math.min(doorMax, Math.floor((files - ops) / 2)));
  return { internal: half, public: half, ops };
}
