import { constants, type Http2Session, type ServerHttp2Stream } from "node:http2";

import type { ConnectionTurns } from "../connections/connection-turns.ts";

type Destroyed = (error?: Error | null) => void;
type Destroy = (this: ServerHttp2Stream, error: Error | null, done: Destroyed) => void;

/**
 * Has what follows from the end of a stream wait for a turn of its connection, where it comes before
 * the answer has been sent: thousands may end at once. One function for all streams of a
 * listener, since calls are made by the thousand.
 *
 * @param onEnded called at once, amid what HTTP/2 does with the connection
 */
export function endInTurn(
  turns: ConnectionTurns,
  onEnded: (stream: ServerHttp2Stream, session: Http2Session) => void,
): Destroy {
  return function destroy(this: ServerHttp2Stream, error, done): void {
    const { session } = this;
    const theirs = Object.getPrototypeOf(this) as { _destroy: Destroy };
    theirs._destroy.call(this, error, (thrown) => {
      const isReset = this.rstCode !== constants.NGHTTP2_NO_ERROR;
      if (!isReset && !this.aborted) return done(thrown);
      if (session !== undefined) onEnded(this, session);
      turns.wait(session ?? this, () => {
        done(thrown);
        return true;
      });
    });
  };
}
