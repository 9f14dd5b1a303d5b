import { aheadMsMax, type EpochMs } from "./time.ts";

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
 * A UUIDv7 (RFC 9562 §5.7) that sorts after every id in `after`, so that ids alone show which of
 * two handshakes of a session is older.
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

/** When a handshake id was minted; undefined if the text is not such an id. */
export function mintedAt(id: HandshakeId): EpochMs | undefined {
  return uuidV7.test(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined;
}

/**
 * Whether a session may go on from a handshake that it has no record of. Later ids must sort after
 * it, so an id from the far future is refused. An id of another kind, such as one that a manager
 * minted before this service existed, has no age and is accepted.
 */
export function mayBeAdopted(id: HandshakeId, now: EpochMs): boolean {
  const at = mintedAt(id);
  return at === undefined || at <= now + aheadMsMax;
}

/** The younger of two; an id that has no age is younger than none. */
export function younger(a: HandshakeId | undefined, b: HandshakeId): HandshakeId | undefined {
  if (mintedAt(b) === undefined) return a;
  return a === undefined || b > a ? b : a;
}
