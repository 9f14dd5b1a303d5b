import { StoreFault, StoreUnavailable } from "../../../service/session-store.ts";

/** Redis answered, and refuses this one call for what is stored under its keys. */
export class CallRefused extends StoreUnavailable {}

/** A failure of Redis or of the connection: the effect of the call is unknown. */
export function unavailable(error: unknown): StoreFault {
  if (error instanceof StoreFault) return error;
  const why = error instanceof Error ? error.message : String(error);
  if (isAboutKeys(why)) return new CallRefused(`Redis refuses the call: ${why}`, { cause: error });
  return new StoreUnavailable(`Redis does not answer: ${why}`, { cause: error });
}

/** A key holds another type than ours, or a field no number. */
function isAboutKeys(why: string): boolean {
  return /^WRONGTYPE|^ERR (hash )?value is not/.test(why);
}

/** The script is not known to this server yet. */
export function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/** The server became a replica of another one: this connection will never be of use again. */
export function isDemoted(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("READONLY");
}
