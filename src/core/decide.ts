import type { Command, DecisionContext, PassTime } from "./command.ts";
import { noteWatched, passTime } from "./deadlines/decide-time.ts";
import { decideAttach, decideDetach } from "./decide-session.ts";
import type { Decision } from "./decision.ts";
import { accept, type Draft } from "./draft.ts";
import type { SessionId } from "./ids.ts";
import {
  decideAcquire,
  decideCheckLease,
  decideRelease,
  decideRenew,
} from "./lease/decide-lease.ts";
import { decideRevoke } from "./lease/decide-revoke.ts";
import type { SessionRecord } from "./session.ts";
import { decideConfirmDelivery } from "./transport/decide-delivery.ts";
import { decideCheckHandshake, decideReport } from "./transport/decide-report.ts";
import { decideRenegotiate } from "./transport/negotiation.ts";

/**
 * The whole policy of the service: what a command comes to, given the record and nothing else.
 * Total, synchronous and deterministic. Gaps and deadlines that are due are applied first; their
 * events are part of the decision whether the command is accepted or refused.
 */
export function decide<C extends Command>(
  id: SessionId,
  record: SessionRecord | undefined,
  command: C,
  context: DecisionContext,
): Decision<C> {
  const draft: Draft = { id, context, record, events: [] };
  passTime(draft);
  // Each case returns the decision of its own command; the compiler cannot see that.
  return decideCommand(draft, command) as Decision<C>;
}

function decideCommand(draft: Draft, command: Command): Decision<Command> {
  switch (command.kind) {
    case "Attach":
      return decideAttach(draft, command);
    case "Detach":
      return decideDetach(draft, command);
    case "Acquire":
      return decideAcquire(draft, command);
    case "Renew":
      return decideRenew(draft, command);
    case "Renegotiate":
      return decideRenegotiate(draft, command);
    case "Release":
      return decideRelease(draft, command);
    case "Revoke":
      return decideRevoke(draft, command);
    case "Report":
      return decideReport(draft, command);
    case "CheckHandshake":
      return decideCheckHandshake(draft, command);
    case "CheckLease":
      return decideCheckLease(draft, command);
    case "ConfirmDelivery":
      return decideConfirmDelivery(draft, command);
    case "PassTime":
      noteWatched(draft);
      return accept<PassTime>(draft, null);
  }
}
