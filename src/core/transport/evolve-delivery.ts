import type { TransportEvent } from "../event.ts";
import type { Delivery, FastPath } from "../session.ts";
import type { DurationMs } from "../time.ts";
import { pendingDeliveryOf } from "../view.ts";

type DeliveryEvent = Extract<TransportEvent, { kind: "DeliveryDue" | "HandshakeDelivered" }>;

/** The path after an event about the delivery of the handshake in flight. */
export function evolveDelivery(path: FastPath, event: DeliveryEvent): FastPath {
  const pending = pendingDeliveryOf(path);
  if (path.kind === "absent" || path.kind === "active" || pending === undefined) {
    throw new Error("a handshake was delivered that waits for no delivery");
  }
  const delivery: Delivery =
    event.kind === "HandshakeDelivered"
      ? { kind: "delivered" }
      : { ...pending, tries: event.tries, nextTryAt: event.nextTryAt };
  return { ...path, next: { ...path.next, delivery } };
}

/** A try is put off by the length of a gap, as every deadline. */
export function delayDelivery(
  delivery: Delivery | undefined,
  length: DurationMs,
): Delivery | undefined {
  if (delivery?.kind !== "pending") return delivery;
  return { ...delivery, nextTryAt: delivery.nextTryAt + length };
}
