import type { ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";

import type { Budgets } from "../../budget/budgets.ts";
import type { ConnectionTurns } from "../connections/connection-turns.ts";
import { type Joinable, join, passOn } from "./joined-frames.ts";
import { paceOf } from "./session-pace.ts";

/** A frame below this size costs far more than what it brings … */
const smallBytes = 32;
/** … but a call with a short message may have this many. */
const smallOfCall = 2;

/** Small frames of a stream so far. */
const small = Symbol("small frames");

interface Counted extends Joinable {
  [small]?: number;
}

/**
 * Counts frames of data where Node hands them over: it takes all that come, whether or not anybody
 * reads them. Ends a connection that brings too many with next to nothing in them, and joins those
 * before. One function for all streams of a listener, since calls are made by the thousand.
 */
export function countedPush(turns: ConnectionTurns, budgets: Budgets): ServerHttp2Stream["push"] {
  return function push(this: Counted, chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    const { session } = this;
    if (chunk !== null && session !== undefined) {
      const pace = paceOf(session, turns);
      pace.bring();
      if (chunk.length < smallBytes) {
        const count = (this[small] ?? 0) + 1;
        this[small] = count;
        if (count > smallOfCall) {
          if (pace.bringSmall(budgets)) return join(this, chunk);
          pace.end();
          return false;
        }
      }
    }
    passOn(this);
    return Duplex.prototype.push.call(this, chunk, encoding);
  };
}
