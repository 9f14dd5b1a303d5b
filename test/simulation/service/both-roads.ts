import { isDeepStrictEqual } from "node:util";

import type { DecisionContext, RefreshContext } from "../../../src/core/command.ts";
import { nextDeadline } from "../../../src/core/deadlines/deadline.ts";
import { decide } from "../../../src/core/decide.ts";
import { decideRefresh } from "../../../src/core/lease/decide-refresh.ts";

/** The short road of renewals. Throws where the long one would have led elsewhere. */
export const bothRoads: typeof decideRefresh = (scheduled, command, context) => {
  const { record, deadline } = scheduled;
  const { policy } = context;
  const likewise = drawingOnce(context);
  const short = decideRefresh(scheduled, command, likewise);
  if (deadline !== nextDeadline(record, policy)) throw new Error("a deadline was not kept");
  if (short === undefined) return undefined;
  const { session, event, answer } = short;
  const long = decide(record.id, record, command, likewise);
  if (!isDeepStrictEqual(long, { kind: "accepted", session, events: [event], answer })) {
    throw new Error("the short road of a renewal leads elsewhere");
  }
  if (short.deadline !== nextDeadline(session, policy)) throw new Error("a deadline is wrong");
  return short;
};

/** Both roads draw the same, and what the short one does not know is as good as nothing. */
function drawingOnce(context: RefreshContext): DecisionContext {
  let drawn: number | undefined;
  const jitter = (): number => {
    drawn ??= context.entropy.jitter();
    return drawn;
  };
  return {
    ...context,
    entropy: { jitter, handshakeBits: unknown },
    negotiationsInFlight: unknown,
    populationOf: unknown,
    watched: false,
    hostWatches: false,
    deliversHandshakes: false,
  };
}

function unknown(): never {
  throw new Error("the short road started something");
}
