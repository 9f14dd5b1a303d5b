import { type OpenedAuthenticator, openAuthenticator } from "./auth/open-authenticator.ts";
import type { FilesReadAnew } from "./files-read-anew.ts";
import type { Logger } from "./observe/log/logger.ts";
import type { Clock } from "./service/time/clock.ts";
import type { Settings } from "./settings/settings.ts";
import { StartFault } from "./settings/start-fault.ts";

export interface OpenAuthOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly closing: AbortController;
  readonly files: FilesReadAnew;
}

/** A key file that cannot be read is a wrong setting; a key server may be back in a moment. */
export async function openAuth(
  { auth, publishTokenSecret }: Settings,
  { clock, log, closing, files }: OpenAuthOptions,
): Promise<OpenedAuthenticator> {
  let fault: unknown;
  const opened = await openAuthenticator(auth, {
    publishTokenSecret,
    clock,
    closing: closing.signal,
    onKeySet: (outcome) => {
      fault = outcome.kind === "failed" ? outcome.error : undefined;
      if (outcome.kind === "failed") log.warn({ err: outcome.error }, "key set not loaded");
      else log.info({ keys: outcome.keys }, "key set loaded");
    },
  });
  if (auth.kind === "dev" || auth.keySet.kind === "url") return opened;
  if (fault !== undefined) throw new StartFault([keyFileFault(fault)], { cause: fault });
  files.add({
    settings: ["LEASE_AUTH_JWKS_FILE"],
    async read() {
      await opened.keys?.load();
      if (fault !== undefined) throw fault;
    },
  });
  return opened;
}

export function keyFileFault(error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `LEASE_AUTH_JWKS_FILE cannot be used: ${why}; name a JSON Web Key Set that this user may read`;
}
