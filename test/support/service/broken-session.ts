import type { SessionId } from "../../../src/core/ids.ts";
import { mintHandshakeId } from "../../../src/core/ids.ts";
import type { Session, UnrecognisedHandshake } from "../../../src/core/session.ts";
import type { EpochMs } from "../../../src/core/time.ts";
import type { SessionStore } from "../../../src/service/session-store.ts";

const unrecognisedTooMany = 3;

/**
 * Puts a session on record that breaks an invariant: it keeps more unrecognised handshakes than it
 * may, so that the service refuses to commit any change to it. Answers with the record before.
 */
export async function breakSession(
  store: SessionStore,
  id: SessionId,
  deadline: EpochMs | undefined,
): Promise<Session> {
  const session = await attachedIn(store, id);
  const unrecognised = Array.from(
    { length: unrecognisedTooMany },
    (_, index): UnrecognisedHandshake => ({
      id: mintHandshakeId(index, "0".repeat(19), undefined),
      manager: undefined,
      host: undefined,
    }),
  );
  await replace(store, session, { ...session.transport, unrecognised }, deadline);
  return session;
}

/** Puts the session back on record as it was. */
export async function mendSession(
  store: SessionStore,
  whole: Session,
  deadline: EpochMs | undefined,
): Promise<void> {
  await replace(store, await attachedIn(store, whole.id), whole.transport, deadline);
}

async function replace(
  store: SessionStore,
  previous: Session,
  transport: Session["transport"],
  deadline: EpochMs | undefined,
): Promise<void> {
  const next = { ...previous, revision: previous.revision + 1, transport };
  await store.commit({ id: next.id, previous, next, deadline, durability: "durable" });
}

async function attachedIn(store: SessionStore, id: SessionId): Promise<Session> {
  const record = await store.load(id);
  if (record?.kind !== "attached") throw new Error(`"${id}" is not attached`);
  return record;
}
