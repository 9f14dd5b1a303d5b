import { StoreUnavailable } from "./service/session-store.ts";
import { StoreCannotOpen } from "./store/store-cannot-open.ts";
import { TokenKeyUnusable } from "./store/token-key-file.ts";

/** An error of the store or of its key with the setting that it is about; undefined for any other. */
export function storeFault(error: unknown): string | undefined {
  if (error instanceof TokenKeyUnusable) return `${error.message}, or set LEASE_TOKEN_KEY`;
  if (error instanceof StoreCannotOpen || error instanceof StoreUnavailable) {
    return `${error.message} (LEASE_STORE_URL)`;
  }
  return undefined;
}
