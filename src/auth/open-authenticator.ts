import type { DurationMs, EpochMs } from "../core/time.ts";
import type { Authenticator } from "./authenticator.ts";
import { devAuthenticator } from "./dev-authenticator.ts";
import { jwtAuthenticator } from "./jwt-authenticator.ts";
import { keySetAt, keySetIn } from "./key-set-source.ts";
import { type KeySetLoaded, VerificationKeys } from "./verification-keys.ts";

/** Who may call, as the settings say. */
export type AuthenticatorSetting =
  | { readonly kind: "dev" }
  | {
      readonly kind: "jwt";
      readonly keySet:
        | { readonly kind: "url"; readonly url: string }
        | { readonly kind: "file"; readonly path: string };
      readonly issuer: string;
      readonly audience: string;
    };

export interface OpenAuthenticatorOptions {
  readonly publishTokenSecret: string | undefined;
  readonly clock: {
    /** Monotonic. */
    now(): EpochMs;
    wall(): EpochMs;
    sleep(duration: DurationMs, signal: AbortSignal): Promise<void>;
  };
  readonly onKeySet: (outcome: KeySetLoaded) => void;
  /** Ends the reloading of keys. */
  readonly closing: AbortSignal;
}

export interface OpenedAuthenticator {
  readonly authenticator: Authenticator;
  /** Undefined where no bearer is read. */
  readonly keys: VerificationKeys | undefined;
}

/** As long as Beach Gate's clients keep its key set. */
const reloadEveryMs: DurationMs = 300_000;

/** The authenticator, with its keys loaded if they can be, and loaded again from then on. */
export async function openAuthenticator(
  setting: AuthenticatorSetting,
  { publishTokenSecret, clock, onKeySet, closing }: OpenAuthenticatorOptions,
): Promise<OpenedAuthenticator> {
  if (setting.kind === "dev") return { authenticator: devAuthenticator, keys: undefined };
  const { keySet, issuer, audience } = setting;
  const load = keySet.kind === "url" ? keySetAt(keySet.url) : keySetIn(keySet.path);
  const keys = new VerificationKeys({ load, now: () => clock.now(), onLoaded: onKeySet });
  await keys.load();
  void reload(keys, clock, closing);
  const publishSecret =
    publishTokenSecret === undefined ? undefined : new TextEncoder().encode(publishTokenSecret);
  const wall = (): EpochMs => clock.wall();
  return {
    authenticator: jwtAuthenticator({ keys, issuer, audience, publishSecret, wall }),
    keys,
  };
}

/** Never rejects, like the two that it awaits. */
async function reload(
  keys: VerificationKeys,
  clock: OpenAuthenticatorOptions["clock"],
  closing: AbortSignal,
): Promise<void> {
  while (!closing.aborted) {
    await clock.sleep(reloadEveryMs, closing);
    if (!closing.aborted) await keys.load();
  }
}
