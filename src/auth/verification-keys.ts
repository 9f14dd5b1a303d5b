import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

import type { DurationMs, EpochMs } from "../core/time.ts";

/** Loads a key set (RFC 7517) from wherever it is; rejects when it cannot. */
export type LoadKeySet = () => Promise<JSONWebKeySet>;

export interface VerificationKeysOptions {
  readonly load: LoadKeySet;
  /** Monotonic. */
  readonly now: () => EpochMs;
  /** Called when the set was loaded, or could not be. */
  readonly onLoaded: (outcome: KeySetLoaded) => void;
}

export type KeySetLoaded =
  | { readonly kind: "loaded"; readonly keys: number }
  | {
      readonly kind: "failed";
      readonly error: unknown;
      /** In words, with those of its causes. */
      readonly why: string;
    };

/** How often a bearer with an unknown key may have the set loaded again. */
const loadAgainAfterMs: DurationMs = 30_000;

/** No key set was ever loaded, so no bearer can be verified. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

/**
 * The public keys that bearers are verified with. They stay in use while the key server is away, so
 * its outage affects no valid bearer. A bearer with an unknown key reloads the set, at most every
 * 30 s, whether or not the last load succeeded.
 */
export class VerificationKeys {
  readonly #options: VerificationKeysOptions;
  #find: JWTVerifyGetKey | undefined;
  #text = "";
  #loadedAt: EpochMs = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;
  /** Rises when the set is another one: what was verified before may not be valid any more. */
  edition = 0;
  /** Why the set could not be loaded the last time, in words; undefined when it was. */
  fault: string | undefined;

  constructor(options: VerificationKeysOptions) {
    this.#options = options;
  }

  /** The set has been loaded at least once. */
  get isLoaded(): boolean {
    return this.#find !== undefined;
  }

  /** Loads the set. Never rejects: the keys that there are stay. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** The key that a token names, as jose asks for it. Throws {@link KeysUnavailable}. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#find === undefined) await this.#loadAgain();
    if (this.#find === undefined) throw new KeysUnavailable("no key set could be loaded yet");
    try {
      return await this.#find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#loadAgain();
      return await this.#find(header, token);
    }
  };

  async #loadAgain(): Promise<void> {
    if (this.#loading === undefined && this.#options.now() - this.#loadedAt < loadAgainAfterMs) {
      return;
    }
    await this.load();
  }

  async #load(): Promise<void> {
    this.#loadedAt = this.#options.now();
    try {
      const set = await this.#options.load();
      this.#find = createLocalJWKSet(set);
      const text = JSON.stringify(set);
      if (text !== this.#text) this.edition += 1;
      this.#text = text;
      this.fault = undefined;
      this.#options.onLoaded({ kind: "loaded", keys: set.keys.length });
    } catch (error) {
      const why = wordsOf(error);
      this.fault = why;
      this.#options.onLoaded({ kind: "failed", error, why });
    }
  }
}

/**
 * What an error says; fetch says only in its cause what went wrong, and of a name with several
 * addresses only in the error of each.
 */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join(", ");
  return error.cause === undefined ? error.message : `${error.message}: ${wordsOf(error.cause)}`;
}
