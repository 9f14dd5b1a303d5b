import type { Command } from "../../../src/core/command.ts";
import { same } from "../judging/same.ts";
import {
  type Change,
  isOfCommand,
  sessionAtCommand,
  type Taken,
  usable,
} from "../judging/taken.ts";

/** The commands of people who hold leases, or take them away: none is about the transport. */
const leaseCommands: readonly Command["kind"][] = [
  "Acquire",
  "Renew",
  "Release",
  "Revoke",
  "CheckLease",
];

/** A handshake that starts is at once to be sent to a host that does not watch. */
const ofStart: readonly string[] = ["HandshakeStarted", "DeliveryDue"];

/**
 * While the fast path is usable, renewing changes no handshake id, generation, token or channel,
 * and notifies no host. Trouble of the service or of its store closes no transport. Here: no lease
 * command changes anything about a usable one.
 */
export function checkUndisturbed(taken: Taken, changes: readonly Change[]): readonly string[] {
  const { command, decision } = taken;
  if (!leaseCommands.includes(command.kind)) return [];
  const was = sessionAtCommand(taken, changes);
  if (was === undefined) return [];
  const mayStart = mayNegotiate(command) && usable(was) === undefined;
  const first = changes.findIndex(({ event }) => isOfCommand(event));
  const own = first < 0 ? [] : changes.slice(first);
  const faults = own
    .filter(({ event: { kind } }) => !/^(Lease|Hold)/.test(kind))
    .filter(({ event: { kind } }) => !(mayStart && ofStart.includes(kind)))
    .map(({ event }) => `${command.kind} brought ${event.kind}`);
  if (mayStart || decision.session?.kind !== "attached") return faults;
  const kept = same(was.transport, decision.session.transport);
  return kept ? faults : [...faults, `${command.kind} replaced the transport of the record`];
}

function mayNegotiate(command: Command): boolean {
  return command.kind === "Acquire" || (command.kind === "Renew" && !command.leaseOnly);
}
