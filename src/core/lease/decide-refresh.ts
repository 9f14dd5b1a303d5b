import type { LeaseAnswer, RefreshContext, Renew } from "../command.ts";
import { deadlineAfterExtension, type Scheduled } from "../deadlines/deadline.ts";
import { isUpToDate } from "../deadlines/decide-time.ts";
import { evolveLease } from "../evolve.ts";
import type { Session } from "../session.ts";
import type { EpochMs } from "../time.ts";
import { leftAlone, withoutStart } from "../transport/negotiation.ts";
import { extension, type LeaseExtended, leaseAnswer } from "./decide-lease.ts";
import { leaseOf, liveLease } from "./lease-lookup.ts";

/**
 * A renewal that was answered REFRESH: it moved one expiry, for at most the recorded ttl, and did
 * nothing else.
 */
export interface Refreshed {
  readonly session: Session;
  /** The next one of the session as it is now. */
  readonly deadline: EpochMs | undefined;
  /** All that happened. */
  readonly event: LeaseExtended;
  readonly answer: LeaseAnswer;
}

/**
 * The short road of a renewal: what `decide` comes to, where that is a refresh by a plain extension,
 * without looking at all that time may change. Undefined where it comes to anything else, which is
 * for `decide` to say.
 */
export function decideRefresh(
  { record, deadline }: Scheduled,
  command: Renew,
  context: RefreshContext,
): Refreshed | undefined {
  if (record.kind !== "attached" || !isUpToDate(record, deadline, context)) return undefined;
  const lease = liveLease(record, command.tokenHash);
  if (lease === undefined) return undefined;
  const event = extension(lease, command, context);
  const negotiation = command.leaseOnly ? leftAlone : withoutStart(record.transport, context.now);
  if (!event.plain || negotiation?.outcome !== "refresh") return undefined;
  const session = evolveLease(record, event);
  const extended = leaseOf(session, lease.id) ?? lease;
  return {
    session,
    deadline: deadlineAfterExtension({ record, deadline }, session, context.policy),
    event,
    answer: leaseAnswer(extended, negotiation, context),
  };
}
