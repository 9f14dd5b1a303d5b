import { hash } from "node:crypto";

import type { TokenHash } from "../core/ids.ts";
import { isSameText } from "../core/lease/lease-lookup.ts";

/** So many digests are remembered, each with its token: at most about 8 MB. A power of two. */
const places = 2 ** 16;
/** How long the tokens are that the service gives out: 32 bytes in base64url. */
const tokenLength = 43;

/**
 * The SHA-256 of tokens. A renewal brings the same token each time, so its digest is remembered
 * until another token takes its place.
 *
 * That gives nobody more than there is: whoever reads this memory finds in it the key that every
 * token follows from. Texts are compared in constant time, so how long a digest takes says only to
 * somebody who has the whole token that it was used lately. A token that was never given out is
 * remembered as well, and opens nothing: its digest is still looked for among those of the leases.
 */
export class RememberedDigests {
  readonly #tokens: (string | undefined)[] = new Array(places).fill(undefined);
  readonly #digests: (TokenHash | undefined)[] = new Array(places).fill(undefined);

  of(token: string): TokenHash {
    if (token.length !== tokenLength) return sha256(token);
    const place = placeOf(token);
    const known = this.#tokens[place];
    const digest = this.#digests[place];
    if (known !== undefined && digest !== undefined && isSameText(known, token)) return digest;
    const made = sha256(token);
    this.#tokens[place] = token;
    this.#digests[place] = made;
    return made;
  }
}

export function sha256(token: string): TokenHash {
  return hash("sha256", token, "base64url");
}

/** Four characters of a token are as good as random. */
function placeOf(token: string): number {
  let place = 0;
  for (let at = 0; at < 4; at += 1) place = (place << 6) ^ (place >>> 12) ^ token.charCodeAt(at);
  return (place >>> 0) % places;
}
