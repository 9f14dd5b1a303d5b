import type { Attach, Detach } from "./command.ts";
import { detach, judge } from "./deadlines/decide-time.ts";
import type { Decision } from "./decision.ts";
import { accept, apply, type Draft, refuse } from "./draft.ts";
import { refusalToAttach } from "./quota.ts";
import type { Refusal } from "./refusal.ts";
import type { Transport } from "./session.ts";
import { verdictOfTime } from "./transport/health.ts";

/** Makes a session known, or updates what later handshakes use. Leases stay as they are. */
export function decideAttach(draft: Draft, command: Attach): Decision<Attach> {
  const { record } = draft;
  if (record?.kind !== "attached") {
    const refusal = attachSession(draft, command);
    return refusal === undefined ? accept(draft, null) : refuse(draft, refusal);
  }
  if (record.beachId !== command.beachId) return refuse(draft, { reason: "NOT_YOUR_BEACH" });
  if (differs(record.transport, command)) {
    const { managerUrl, requiredChannels, hostReports } = command;
    const at = draft.context.now;
    apply(draft, { kind: "SessionUpdated", at, managerUrl, requiredChannels, hostReports });
    judge(draft, at, verdictOfTime);
  }
  return accept(draft, null);
}

/** Ends leases, negotiation and transport, and leaves a tombstone. */
export function decideDetach(draft: Draft, command: Detach): Decision<Detach> {
  if (draft.record === undefined) return refuse(draft, { reason: "SESSION_UNKNOWN" });
  if (draft.record.kind === "detached") return accept(draft, { detached: false });
  detach(draft, draft.context.now, command.reason);
  return accept(draft, { detached: true });
}

/** Makes the session known, or brings it back from its tombstone. Returns the refusal, if any. */
export function attachSession(draft: Draft, command: Attach): Refusal | undefined {
  const { beachId, managerUrl, requiredChannels, hostReports } = command;
  const refusal = refusalToAttach(draft, beachId);
  if (refusal !== undefined) return refusal;
  const { now: at, gaps, incarnation } = draft.context;
  const gapsTaken = gaps.at(-1)?.number ?? 0;
  apply(draft, {
    kind: "SessionAttached",
    at,
    beachId,
    managerUrl,
    requiredChannels,
    hostReports,
    gapsTaken,
    incarnation,
  });
  return undefined;
}

function differs(transport: Transport, command: Attach): boolean {
  return (
    transport.managerUrl !== command.managerUrl ||
    transport.hostReports !== command.hostReports ||
    transport.requiredChannels.length !== command.requiredChannels.length ||
    transport.requiredChannels.some((channel, index) => channel !== command.requiredChannels[index])
  );
}
