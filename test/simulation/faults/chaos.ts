import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Host } from "../clients/host.ts";
import type { Manager } from "../clients/manager.ts";
import type { Disk, DiskImage } from "../disk.ts";
import { emptyDisk } from "../disk.ts";
import { channelLabels } from "../peer-link.ts";
import type { SimulatedService } from "../simulated-service.ts";
import type { Place, World } from "../world.ts";
import type { FaultName } from "./fault.ts";
import type { StoreWeather } from "./store-weather.ts";

export interface Stage {
  readonly world: World;
  readonly service: SimulatedService;
  readonly disk: Disk;
  readonly weather: StoreWeather;
  readonly managers: readonly Manager[];
  readonly hosts: readonly Host[];
  readonly places: readonly Place[];
  readonly count: (fault: FaultName) => void;
}

const tickMs: DurationMs = 1_000;

/** Does to the world what the plan of the seed says, one second after the other. */
export class Chaos {
  readonly #stage: Stage;
  readonly #down = new Set<Host | Manager>();
  #isCalm = false;
  #keyLost = false;
  #backup: DiskImage = emptyDisk;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  calmDown(): void {
    this.#isCalm = true;
  }

  async rage(): Promise<void> {
    const { world } = this.#stage;
    while (!this.#isCalm) {
      await world.timeline.sleep(world.random.between(tickMs / 2, tickMs * 1.5));
      if (!this.#isCalm) await this.#tick();
    }
  }

  async #tick(): Promise<void> {
    const { world, disk } = this.#stage;
    const { draw, random } = world;
    if (random.chance(0.03)) this.#backup = disk.backup();
    if (draw("service crash", 0.15)) await this.#crash();
    // A lease answers to two tokens at the most: that a key is lost twice is no promise.
    if (!this.#keyLost && draw("token key lost", 0.05)) await this.#crash({ losing: "key" });
    if (draw("backup restored", 0.05)) await this.#crash({ losing: "backup" });
    if (draw("store lost", 0.05)) await this.#crash({ losing: "everything" });
    if (draw("service drain", 0.1)) await this.#drain();
    if (draw("service stall", 0.15)) await this.#stall();
    if (draw("wall clock jump", 0.2)) this.#jump();
    if (draw("store away", 0.15)) this.#takeStoreAway();
    if (draw("store contended", 0.3)) this.#stage.weather.contend(random.between(50, 1_500));
    if (draw("partition", 0.3)) {
      random.pick(world.network.links).cut(random.between(500, 40_000));
    }
    this.#troubleEnds();
    this.#troublePeers();
  }

  async #crash(damage: { readonly losing?: "key" | "backup" | "everything" } = {}): Promise<void> {
    const { world, service, disk, count } = this.#stage;
    const { history, timeline, random } = world;
    if (random.chance(0.5)) await this.#awaitBadMoment();
    const from = timeline.now;
    const { lost, inDoubt } = service.crash();
    for (let each = 0; each < lost; each += 1) count("extension lost in a crash");
    for (let each = 0; each < inDoubt; each += 1) count("commit in doubt at a crash");
    if (damage.losing === "key") {
      this.#keyLost = true;
      service.loseTokenKey();
      history.trouble("token key lost", from, from);
    }
    const left = damage.losing === "backup" ? this.#backup : emptyDisk;
    if (damage.losing === "backup" || damage.losing === "everything") {
      disk.restore(left);
      this.#backup = disk.backup();
      history.era += 1;
      if (left === emptyDisk) history.trouble("store lost", from, from);
    }
    await timeline.sleep(random.pick([20, 400, 3_000, 12_000, 50_000]));
    await service.start();
    history.trouble("absence", from, timeline.now);
  }

  /** A moment at which a crash loses something, if one comes soon. */
  async #awaitBadMoment(): Promise<void> {
    const { world, service } = this.#stage;
    const until = world.timeline.now + tickMs;
    while (!service.hasUnwritten && world.timeline.now < until) await world.timeline.sleep(1);
  }

  async #drain(): Promise<void> {
    const { world, service } = this.#stage;
    await service.drain();
    const from = world.timeline.now;
    await world.timeline.sleep(world.random.pick([50, 900, 6_000]));
    await service.start();
    world.history.trouble("absence", from, world.timeline.now);
  }

  async #stall(): Promise<void> {
    const { world, service } = this.#stage;
    const { timeline, random, history } = world;
    const duration = random.pick([300, 1_100, 2_500, 11_000, 40_000]);
    const from = timeline.now;
    service.stall(duration);
    await timeline.sleep(duration);
    history.trouble("stall", from, timeline.now);
  }

  #jump(): void {
    const { service, world } = this.#stage;
    service.jumpWall(world.random.pick([-3_600_000, -30_000, -500, 700, 45_000, 3_600_000]));
  }

  #takeStoreAway(): void {
    const { world, weather } = this.#stage;
    const duration = world.random.pick([200, 2_000, 9_000, 35_000]);
    const from: EpochMs = world.timeline.now;
    weather.goAway(duration);
    world.history.trouble("store away", from, from + duration);
  }

  #troubleEnds(): void {
    const { world, hosts, managers, places } = this.#stage;
    const { draw, random } = world;
    if (draw("host killed", 0.15)) this.#restart(random.pick(hosts));
    if (draw("manager killed", 0.15)) this.#restart(random.pick(managers));
    if (draw("manager handover", 0.2)) {
      const place = random.pick(places);
      const [from, to] = random.chance(0.5) ? managers : managers.toReversed();
      from?.handOver(place.sessionId);
      if (to !== undefined) world.live("handover", () => to.take(place));
    }
  }

  #restart(end: Host | Manager): void {
    const { timeline, random } = this.#stage.world;
    if (this.#down.has(end)) return;
    this.#down.add(end);
    end.kill();
    timeline.after(random.pick([100, 2_000, 8_000]), () => {
      this.#down.delete(end);
      end.start();
    });
  }

  #troublePeers(): void {
    const { world } = this.#stage;
    const { draw, random, peers } = world;
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
