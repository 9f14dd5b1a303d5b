import type { Command, DecisionContext } from "../../../src/core/command.ts";
import type { Decision } from "../../../src/core/decision.ts";
import type { SessionEvent } from "../../../src/core/event.ts";
import type { evolve } from "../../../src/core/evolve.ts";
import type { PromotedHandshake, Session, SessionRecord } from "../../../src/core/session.ts";

/** One decision, with the record before it. */
export interface Taken {
  readonly id: string;
  readonly before: SessionRecord | undefined;
  readonly command: Command;
  readonly context: DecisionContext;
  readonly decision: Decision<Command>;
  readonly served: Served;
}

/** What was ever served of a session, whatever its record has forgotten since. */
export interface Served {
  /** The greatest generation, and the handshake that was promoted under it. */
  readonly generation: number;
  readonly handshakeId: string | undefined;
  /** The greatest epoch. */
  readonly epoch: number;
}

export const nothingServed: Served = { generation: 0, handshakeId: undefined, epoch: 0 };

export function servedAfter({ decision, served }: Taken): Served {
  let { generation, handshakeId, epoch } = served;
  for (const event of decision.events) {
    if (event.kind === "LeaseGranted") ({ epoch } = event.lease);
    if (event.kind === "HandshakePromoted") handshakeId = event.promoted.id;
    if (event.kind === "HandshakePromoted" || event.kind === "GenerationRaised") {
      ({ generation } = event);
    }
  }
  return { generation, handshakeId, epoch };
}

/** One event of a decision, with the record on either side. */
export interface Change {
  readonly before: SessionRecord | undefined;
  readonly event: SessionEvent;
  readonly after: SessionRecord | undefined;
}

/** Says what a decision breaks: a sentence for each fault, none when the promise was kept. */
export type Checker = (taken: Taken, changes: readonly Change[]) => readonly string[];

/** The events of a decision one by one, as `evolve` would have them. */
export function changesOf({ id, before, decision }: Taken, by: typeof evolve): readonly Change[] {
  let record = before;
  return decision.events.map((event) => {
    const change = { before: record, event, after: by(record, event, id) };
    record = change.after;
    return change;
  });
}

/** The session on which the command itself was decided: what time had made due has happened. */
export function sessionAtCommand(
  { before }: Taken,
  changes: readonly Change[],
): Session | undefined {
  const first = changes.findIndex(({ event }) => isOfCommand(event));
  const record = first < 0 ? (changes.at(-1)?.after ?? before) : changes[first]?.before;
  return record?.kind === "attached" ? record : undefined;
}

/** Events that a command brings about, and time alone never. */
export function isOfCommand(event: SessionEvent): boolean {
  switch (event.kind) {
    case "LeaseGranted":
    case "LeaseExtended":
    case "LeaseRekeyed":
    case "HoldPlaced":
    case "HoldsLifted":
    case "HandshakeStarted":
    case "ReportReceived":
    case "ReportPlaced":
    case "GenerationNamed":
    case "GenerationRaised":
    case "SessionAttached":
    case "SessionUpdated":
      return true;
    case "SessionDetached":
      return event.reason !== "idle";
    case "LeaseEnded":
      return event.endedBy !== "expired";
    default:
      return false;
  }
}

/** Restated here, so that the checkers do not go by what they check. */
export function usable(session: Session): PromotedHandshake | undefined {
  const { path } = session.transport;
  if (path.kind !== "active" && path.kind !== "replacing") return undefined;
  return path.current.health === "lost" ? undefined : path.current;
}
