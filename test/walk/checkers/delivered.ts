import type { Session } from "../../../src/core/session.ts";
import { pendingDeliveryOf } from "../../../src/core/view.ts";
import type { Change, Taken } from "../judging/taken.ts";

/**
 * A handshake is sent while it is in flight and not delivered yet, to a host that does not watch,
 * with the token of a lease that is live then: that of who asked, or the one that lasts longest.
 * Nothing is sent of what needs no message, and nothing twice at one moment.
 */
export function checkDelivered({ context }: Taken, changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ before, event, after }) => {
    if (event.kind === "HandshakeStarted") {
      const brings = context.deliversHandshakes && !context.hostWatches;
      const pending = event.handshake.delivery?.kind === "pending";
      return pending === brings ? [] : ["a handshake started, and is not brought as it should be"];
    }
    if (event.kind !== "DeliveryDue" && event.kind !== "HandshakeDelivered") return [];
    if (before?.kind !== "attached" || after?.kind !== "attached") return ["of no session"];
    const pending = pendingDeliveryOf(before.transport.path);
    if (pending === undefined) return [`${event.kind} of what waits for no delivery`];
    if (event.kind === "HandshakeDelivered") {
      return pendingDeliveryOf(after.transport.path) === undefined ? [] : ["delivered in vain"];
    }
    const faults: string[] = [];
    if (context.hostWatches) faults.push("a host that watches was sent a message");
    if (event.nextTryAt <= event.at) faults.push("it is sent again at the same moment");
    if (event.tries !== pending.tries + 1) faults.push("a try was not counted");
    if (event.leaseId !== rightLease(before, pending.askedBy)) faults.push("a wrong token is sent");
    return faults;
  });
}

function rightLease(
  { leases: { live } }: Session,
  askedBy: string | undefined,
): string | undefined {
  const asking = live.find(({ id }) => id === askedBy);
  const [longest] = live.toSorted((a, b) => b.expiresAt - a.expiresAt);
  return (asking ?? longest)?.id;
}
