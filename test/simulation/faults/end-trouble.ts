import type { Host } from "../clients/host.ts";
import type { Manager } from "../clients/manager.ts";
import { channelLabels } from "../network/peer-link.ts";
import type { Place, World } from "../world.ts";

interface Ends {
  readonly managers: readonly Manager[];
  readonly hosts: readonly Host[];
  readonly places: readonly Place[];
}

/** What befalls managers, hosts and the connections between them, whoever serves them. */
export class EndTrouble {
  readonly #world: World;
  readonly #ends: Ends;
  readonly #down = new Set<Host | Manager>();

  constructor(world: World, ends: Ends) {
    this.#world = world;
    this.#ends = ends;
  }

  /** To be called about once a second. */
  tick(): void {
    this.#troubleEnds();
    this.#troublePeers();
  }

  #troubleEnds(): void {
    const { hosts, managers, places } = this.#ends;
    const { draw, random, live } = this.#world;
    if (draw("host killed", 0.15)) this.#restart(random.pick(hosts));
    if (draw("manager killed", 0.15)) this.#restart(random.pick(managers));
    if (draw("manager handover", 0.2)) {
      const place = random.pick(places);
      const [from, to] = random.chance(0.5) ? managers : managers.toReversed();
      from?.handOver(place.sessionId);
      if (to !== undefined) live("handover", () => to.take(place));
    }
  }

  #restart(end: Host | Manager): void {
    const { timeline, random } = this.#world;
    if (this.#down.has(end)) return;
    this.#down.add(end);
    end.kill();
    timeline.after(random.pick([100, 2_000, 8_000]), () => {
      this.#down.delete(end);
      end.start();
    });
  }

  #troublePeers(): void {
    const { draw, random, peers } = this.#world;
    const { up } = peers;
    if (up.length === 0) return;
    const id = random.pick(up);
    if (draw("connection closed", 0.2)) peers.fail(id);
    if (draw("connection interrupted", 0.3)) peers.interrupt(id, random.between(500, 9_000));
    if (draw("channel closed", 0.2)) peers.closeChannel(id, random.pick(channelLabels));
    if (draw("acks slow", 0.3)) peers.holdAcks(id, random.between(5_500, 9_000));
    if (draw("acks stalled", 0.2)) peers.holdAcks(id, random.between(15_500, 40_000));
  }
}
