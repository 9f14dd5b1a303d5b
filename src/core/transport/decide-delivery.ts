import type { ConfirmDelivery, DecisionContext } from "../command.ts";
import type { Decision } from "../decision.ts";
import { accept, apply, type Draft } from "../draft.ts";
import type { LeaseId } from "../ids.ts";
import type { Delivery, Lease, LeaseBook, PendingDelivery } from "../session.ts";
import type { EpochMs } from "../time.ts";
import { nextOf, pendingDeliveryOf } from "../view.ts";
import { backOff } from "./backoff.ts";

/** A host that does not watch gets a message, if there is a way to send one. */
export function firstDelivery(
  { now, hostWatches, deliversHandshakes }: DecisionContext,
  askedBy: LeaseId | undefined,
): Delivery | undefined {
  if (hostWatches || !deliversHandshakes) return undefined;
  return { kind: "pending", askedBy, tries: 0, nextTryAt: now };
}

/** Sends the handshake in flight if that is due; a host that watches by now needs no message. */
export function tryDelivery(draft: Draft, at: EpochMs): void {
  if (draft.record?.kind !== "attached") return;
  const { leases, transport } = draft.record;
  const next = nextOf(transport.path);
  const pending = pendingDeliveryOf(transport.path);
  if (next === undefined || pending === undefined || pending.nextTryAt > at) return;
  const { hostWatches, policy, entropy } = draft.context;
  const handshakeId = next.id;
  if (hostWatches) {
    apply(draft, { kind: "HandshakeDelivered", at, handshakeId, by: "watch" });
    return;
  }
  const before = { failures: pending.tries, notBefore: pending.nextTryAt };
  const { failures: tries, notBefore: nextTryAt } = backOff(before, at, entropy.jitter(), policy);
  const leaseId = leaseToTell(leases, pending)?.id;
  apply(draft, { kind: "DeliveryDue", at, handshakeId, tries, nextTryAt, leaseId });
}

/** A message may be taken more than once, or after the handshake has ended: that changes nothing. */
export function decideConfirmDelivery(
  draft: Draft,
  { handshakeId }: ConfirmDelivery,
): Decision<ConfirmDelivery> {
  if (draft.record?.kind !== "attached") return accept(draft, null);
  const { path } = draft.record.transport;
  if (nextOf(path)?.id === handshakeId && pendingDeliveryOf(path) !== undefined) {
    const at = draft.context.now;
    apply(draft, { kind: "HandshakeDelivered", at, handshakeId, by: "message" });
  }
  return accept(draft, null);
}

/** The host acts by one token: that of the lease that asked, or of the one that lasts longest. */
function leaseToTell({ live }: LeaseBook, { askedBy }: PendingDelivery): Lease | undefined {
  return (
    live.find(({ id }) => id === askedBy) ??
    live.reduce<Lease | undefined>(
      (last, lease) => (last === undefined || lease.expiresAt > last.expiresAt ? lease : last),
      undefined,
    )
  );
}
