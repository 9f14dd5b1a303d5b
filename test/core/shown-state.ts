import type { Evidence, SessionRecord } from "../../src/core/session.ts";
import { currentOf, nextNegotiationAt, nextOf, pathOf } from "../../src/core/view.ts";

/** All that a watcher is shown of a session at `now`, but ages and the version itself. */
export function shownState(record: SessionRecord | undefined, now: number): unknown {
  if (record?.kind !== "attached") return record?.kind;
  const { transport, leases, lastChange } = record;
  const current = currentOf(transport.path);
  const next = nextOf(transport.path);
  return {
    path: pathOf(transport),
    generation: transport.generation,
    current: current && {
      id: current.id,
      health: current.health,
      promotedAt: current.promotedAt,
      ends: [shownEnd(current.manager), shownEnd(current.host)],
    },
    negotiation: next && {
      id: next.id,
      attempt: next.attempt,
      issuedAt: next.issuedAt,
      confirmBy: next.confirmBy,
      managerUrl: next.managerUrl,
      channels: next.channels,
    },
    lingering: transport.lingering,
    nextNegotiationAt: nextNegotiationAt(transport, now),
    lastChange,
    liveLeases: leases.live.length,
    leaseVersion: leases.version,
  };
}

function shownEnd(end: Evidence | undefined): unknown {
  return end && [end.transportId, end.connection, end.readyChannels];
}
