import { type HandshakeId, mintedAt } from "../ids.ts";
import type { Session, Standing } from "../session.ts";
import { currentOf, nextOf, usableOf } from "../view.ts";

/** What the service knows of a handshake. */
export function standingOf(session: Session, id: HandshakeId): Standing {
  const { path, abandoned, lingering } = session.transport;
  if (currentOf(path)?.id === id) return "promoted";
  if (nextOf(path)?.id === id) return "in_flight";
  if (abandoned.some((handshake) => handshake.id === id)) return "abandoned";
  if (lingering?.id === id) return "lingering";
  return isRetired(session, id) ? "retired" : "unknown";
}

/** Signalling may continue: an abandoned handshake may still win, a lingering one may finish. */
export function isHonoured(standing: Standing): boolean {
  return standing !== "retired" && standing !== "unknown";
}

/**
 * An id that the session does not hold is retired only if that is certain. Otherwise it is unknown:
 * a store has lost something, and an end must not close a working connection for that.
 */
function isRetired(session: Session, id: HandshakeId): boolean {
  const minted = mintedAt(id);
  if (minted === undefined) return false;
  const usable = usableOf(session.transport.path);
  if (usable !== undefined && mintedAt(usable.id) !== undefined && id < usable.id) return true;
  const youngest = session.transport.youngestRetiredId;
  return minted >= session.knownSince && youngest !== undefined && id <= youngest;
}
