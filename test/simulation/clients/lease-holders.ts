import type { LeaseSeen } from "../seen/seen.ts";
import type { Place, World } from "../world.ts";
import { LeaseHolder } from "./lease-holder.ts";

/** A tile of today: comes back when the answer says so. */
export function tile(world: World, place: Place, managerUrl: string): LeaseHolder {
  const link = world.network.link(`tile of ${place.sessionId}`);
  return new LeaseHolder(world, link, {
    place,
    account: "person",
    reason: "tile",
    managerUrl,
    ttlMs: () => undefined,
    renewIn: ({ renewAfterMs = 1_000 }) => renewAfterMs,
    renewsBy: "token",
  });
}

/** A tile of old: a timer of its own, and the same call each time. */
export function oldTile(world: World, place: Place, managerUrl: string): LeaseHolder {
  const link = world.network.link(`old tile of ${place.sessionId}`);
  return new LeaseHolder(world, link, {
    place,
    account: "person",
    reason: "auto_handshake",
    managerUrl,
    ttlMs: () => undefined,
    renewIn: () => world.random.pick([15_000, 20_000, 25_000]),
    renewsBy: "acquire",
  });
}

/** Two actors of one agent; each asks for what remained at the last reply, and renews half-way. */
export function agent(world: World, place: Place, managerUrl: string): readonly LeaseHolder[] {
  const link = world.network.link(`agent of ${place.sessionId}`);
  const actor = (reason: string): LeaseHolder =>
    new LeaseHolder(world, link, {
      place,
      account: "agent",
      reason,
      managerUrl,
      ttlMs: (lease: LeaseSeen | undefined) =>
        lease === undefined ? world.random.pick([8_000, 20_000, 60_000]) : lease.remainingMs,
      renewIn: ({ lease }) => (lease?.remainingMs ?? 2_000) / 2,
      renewsBy: world.random.pick(["token", "acquire"]),
    });
  return [actor("pong:lhs"), actor("pong:rhs")];
}
