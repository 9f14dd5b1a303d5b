import type { EpochMs } from "./time.ts";

/** A string that only fits where its own kind of id is asked for; plain strings fit everywhere. */
type Id<Kind extends string> = string & { readonly kind?: Kind };

export type SessionId = Id<"session">;
export type BeachId = Id<"beach">;
export type AccountId = Id<"account">;
export type LeaseId = Id<"lease">;
export type HandshakeId = Id<"handshake">;
export type TransportId = Id<"transport">;
export type ReporterId = Id<"reporter">;

/** SHA-256 of a controller token in base64url: what a record keeps instead of the token. */
export type TokenHash = Id<"token-hash">;

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * A UUIDv7 (RFC 9562 §5.7) that sorts after every id in `after`, so that the age of two handshakes
 * of one session can be told from their ids alone.
 *
 * @param entropy 19 lower-case hexadecimal digits
 */
export function mintHandshakeId(
  now: EpochMs,
  entropy: string,
  after: HandshakeId | undefined,
): HandshakeId {
  const newest = after === undefined ? undefined : mintedAt(after);
  const at = newest === undefined ? now : Math.max(now, newest + 1);
  const time = Math.floor(at).toString(16).padStart(12, "0");
  const variant = "89ab".charAt(Number.parseInt(entropy.charAt(3), 16) & 3);
  const parts = [
    time.slice(0, 8),
    time.slice(8),
    `7${entropy.slice(0, 3)}`,
    variant + entropy.slice(4, 7),
    entropy.slice(7, 19),
  ];
  // Joined and not concatenated: V8 keeps a concatenation as a tree of its parts.
  return parts.join("-");
}

/** Service time stays below half of what an id can hold, so that there is always a younger one. */
const mintedAtMax: EpochMs = 2 ** 47;

/** When an id of ours was minted; undefined for an id that this service cannot have made. */
export function mintedAt(id: HandshakeId): EpochMs | undefined {
  if (!uuidV7.test(id)) return undefined;
  const at = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return at < mintedAtMax ? at : undefined;
}

/** The younger of two ids that {@link mintHandshakeId} made. */
export function younger(a: HandshakeId | undefined, b: HandshakeId): HandshakeId {
  return a === undefined || b > a ? b : a;
}
