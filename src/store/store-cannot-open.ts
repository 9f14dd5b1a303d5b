/** The store cannot be opened as it is; the message names the path and says what would help. */
export class StoreCannotOpen extends Error {
  override readonly name = "StoreCannotOpen";
}

export function storeCannotOpen(path: string, why: string, cause?: unknown): StoreCannotOpen {
  return new StoreCannotOpen(`Cannot open the store '${path}': ${why}`, { cause });
}
