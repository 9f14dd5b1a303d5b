import { constants, type ServerHttp2Session } from "node:http2";

import type { Sleep } from "../door.ts";

/** How long peers may take to confirm that they know that a connection closes. */
const noticeMs = 500;

/**
 * Has every peer open no more streams before any is refused. Resolves when each has confirmed that
 * it knows: no call is on its way then that would be refused.
 */
export async function giveNotice(
  sessions: Iterable<ServerHttp2Session>,
  sleep: Sleep,
): Promise<void> {
  const waited = new AbortController();
  await Promise.race([Promise.all([...sessions].map(knowsOfEnd)), sleep(noticeMs, waited.signal)]);
  waited.abort();
}

/** The highest number that a stream can have: none that is on its way is refused. */
const lastStreamId = 2 ** 31 - 1;

function knowsOfEnd(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.closed || session.destroyed) return resolve();
    session.once("close", resolve);
    session.goaway(constants.NGHTTP2_NO_ERROR, lastStreamId);
    // Answered in order, so after the peer has read what was sent before.
    if (!session.ping(() => resolve())) resolve();
  });
}
