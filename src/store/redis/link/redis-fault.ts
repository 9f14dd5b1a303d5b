import { StoreUnavailable } from "../../../service/session-store.ts";

/** Whatever Redis, or the way to it, has against a call: its effect is not known. */
export function unavailable(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new StoreUnavailable(`Redis does not answer: ${why}`, { cause: error });
}

/** The script is not known to this server yet. */
export function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/** The server became a replica of another one: this connection will never be of use again. */
export function isDemoted(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("READONLY");
}
