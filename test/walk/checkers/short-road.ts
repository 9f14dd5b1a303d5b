import type { Command, Renew } from "../../../src/core/command.ts";
import type { Decision } from "../../../src/core/decision.ts";
import type { SessionRecord } from "../../../src/core/session.ts";
import type { CoreUnderTest } from "../core-under-test.ts";
import { same } from "../judging/same.ts";
import type { Checker, Taken } from "../judging/taken.ts";

/**
 * The short road of a renewal leads where the long one does: to the same record, deadline, event and
 * answer. It is taken by every refresh that only moves an expiry, and by no other renewal.
 */
export function shortRoadBy(core: CoreUnderTest): Checker {
  return ({ id, before, command, context, decision }: Taken) => {
    if (before === undefined) return [];
    // How many negotiations there are elsewhere, only the long road knows.
    const isManagerBusy =
      before.kind === "attached" &&
      context.negotiationsInFlight(before.transport.managerUrl) >=
        context.policy.negotiationsPerManagerMax;
    const roads = (renew: Renew, long: Decision<Command>): readonly string[] => {
      const deadline = core.nextDeadline(before, context.policy);
      const short = core.decideRefresh({ record: before, deadline }, renew, context);
      if (short === undefined) {
        return isRefresh(long) && !isManagerBusy ? ["a refresh took the long road"] : [];
      }
      const { session, event, answer } = short;
      const next = core.nextDeadline(session, context.policy);
      const isSame = same({ kind: "accepted", session, events: [event], answer }, long);
      if (!isSame) return ["the short road of a renewal leads elsewhere"];
      return short.deadline === next ? [] : ["the short road of a renewal leaves a deadline wrong"];
    };
    if (command.kind === "Renew") return roads(command, decision);
    // At each moment that comes, every renewal that could be asked for is tried.
    if (command.kind !== "PassTime") return [];
    return renewalsOf(before).flatMap((renew) =>
      roads(renew, core.decide(id, before, renew, context)),
    );
  };
}

function isRefresh(decision: Decision<Command>): boolean {
  if (decision.kind === "refused" || decision.answer === null) return false;
  if (!("negotiation" in decision.answer)) return false;
  const [first, ...others] = decision.events;
  const isPlain = first?.kind === "LeaseExtended" && first.plain && others.length === 0;
  return isPlain && decision.answer.negotiation.outcome === "refresh";
}

/** Of the first lease: others differ in nothing that a renewal goes by. */
function renewalsOf({ leases: { live } }: SessionRecord): readonly Renew[] {
  return live.slice(0, 1).flatMap(({ tokenHashes: [tokenHash = ""] }) =>
    [true, false].map((leaseOnly) => ({
      kind: "Renew" as const,
      tokenHash,
      ttlMs: undefined,
      leaseOnly,
    })),
  );
}
