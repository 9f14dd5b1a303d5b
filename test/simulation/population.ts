import { Host } from "./clients/host.ts";
import type { LeaseHolder } from "./clients/lease-holder.ts";
import { agent, oldTile, tile } from "./clients/lease-holders.ts";
import { Manager } from "./clients/manager.ts";
import { Operator } from "./clients/operator.ts";
import { passBy } from "./clients/passer-by.ts";
import type { Place, World } from "./world.ts";

/** Everybody who lives with the service. */
export interface Population {
  readonly managers: readonly Manager[];
  readonly hosts: readonly Host[];
  readonly operators: readonly Operator[];
}

/** Lets everybody in who belongs to these sessions of one private beach. */
export function populate(world: World, beachId: string, places: readonly Place[]): Population {
  const managers = ["manager-a", "manager-b"].map((name) => new Manager(world, name, beachId));
  const hosts = places.map((place) => new Host(world, place));
  if (world.plan.has("short lives")) world.live("a passer-by", () => passBy(world));
  const operators = places.map((place, index) => {
    const manager = managers[index % managers.length] as Manager;
    manager.serve(place);
    const holders = holdersOf(world, place, manager.url);
    for (const holder of holders) world.live("a lease holder", () => holder.hold());
    return new Operator(world, place, holders);
  });
  for (const end of [...managers, ...hosts]) end.start();
  for (const operator of operators) {
    operator.watch();
    world.live("an operator", () => operator.act());
  }
  return { managers, hosts, operators };
}

function holdersOf(world: World, place: Place, managerUrl: string): readonly LeaseHolder[] {
  const { random } = world;
  const tiles = [tile(world, place, managerUrl)];
  if (random.chance(0.5)) tiles.push(oldTile(world, place, managerUrl));
  return random.chance(0.5) ? [...tiles, ...agent(world, place, managerUrl)] : tiles;
}
