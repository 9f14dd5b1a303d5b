/** A change of a source text, by which a fault is put into a copy of it. */
export interface Edit {
  /** Its path within the folder that the text is of. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** The text with the edit made. Throws unless the edit finds its place exactly once. */
export function edited(text: string, { file, find, put }: Edit): string {
  const found = text.split(find).length - 1;
  if (found !== 1) throw new Error(`${found} matches in ${file} for: ${find}`);
  return text.replace(find, () => put);
}
