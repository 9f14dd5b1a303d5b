import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Network } from "../network/network.ts";
import type { History } from "../seen/history.ts";
import type { Disk, DiskImage } from "../service/disk.ts";
import { emptyDisk } from "../service/disk.ts";
import type { SimulatedService } from "../service/simulated-service.ts";
import type { World } from "../world.ts";
import type { EndTrouble } from "./end-trouble.ts";
import type { FaultName } from "./fault.ts";
import type { StoreWeather } from "./store-weather.ts";

export interface Stage {
  readonly world: World;
  readonly network: Network;
  readonly history: History;
  readonly service: SimulatedService;
  readonly disk: Disk;
  readonly weather: StoreWeather;
  readonly ends: EndTrouble;
  readonly count: (fault: FaultName) => void;
}

const tickMs: DurationMs = 1_000;
const copiesMax = 4;

/** What a crash takes with it. */
type Loss = "key" | "backup" | "what came after a copy" | "everything";

/** Does to the world what the plan of the seed says, one second after the other. */
export class Chaos {
  readonly #stage: Stage;
  #isCalm = false;
  #keyLost = false;
  #backup: DiskImage = emptyDisk;
  /** Copies of the file that do not know that they are copies. */
  #copies: readonly DiskImage[] = [];

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
    const { world, network, disk } = this.#stage;
    const { draw, random } = world;
    if (random.chance(0.03)) this.#backup = disk.backup();
    if (world.plan.has("older file put back") && random.chance(0.15)) {
      this.#copies = [...this.#copies, disk.image()].slice(-copiesMax);
    }
    if (draw("service crash", 0.15)) await this.#crash();
    // A lease answers to two tokens at the most: that a key is lost twice is no promise.
    if (!this.#keyLost && draw("token key lost", 0.05)) await this.#crash({ losing: "key" });
    if (draw("backup restored", 0.05)) await this.#crash({ losing: "backup" });
    if (draw("store lost", 0.05)) await this.#crash({ losing: "everything" });
    if (draw("many lives", 0.1)) await this.#crash({ losing: "everything" });
    if (draw("older file put back", 0.15)) await this.#crash({ losing: "what came after a copy" });
    if (draw("service drain", 0.1)) await this.#drain();
    if (draw("service stall", 0.15)) await this.#stall();
    if (draw("wall clock jump", 0.2)) this.#jump();
    if (draw("store away", 0.15)) this.#takeStoreAway();
    if (draw("store contended", 0.3)) this.#stage.weather.contend(random.between(50, 1_500));
    if (draw("partition", 0.3)) {
      random.pick(network.links).cut(random.between(500, 40_000));
    }
    this.#stage.ends.tick();
  }

  async #crash({ losing }: { readonly losing?: Loss } = {}): Promise<void> {
    const { world, history, service, disk, count } = this.#stage;
    const { timeline, random } = world;
    if (random.chance(0.5)) await this.#awaitBadMoment();
    const from = timeline.now;
    const { lost, inDoubt } = service.crash();
    for (let each = 0; each < lost; each += 1) count("extension lost in a crash");
    for (let each = 0; each < inDoubt; each += 1) count("commit in doubt at a crash");
    if (losing === "key") {
      this.#keyLost = true;
      service.loseTokenKey();
      history.trouble("token key lost", from, from);
    } else if (losing !== undefined) {
      const left = this.#leftAfter(losing);
      disk.restore(left);
      this.#backup = disk.backup();
      history.era += 1;
      if (left === emptyDisk) history.trouble("store lost", from, from);
    }
    await timeline.sleep(random.pick([20, 400, 3_000, 12_000, 50_000]));
    await service.start();
    history.trouble("absence", from, timeline.now);
  }

  #leftAfter(losing: Exclude<Loss, "key">): DiskImage {
    switch (losing) {
      case "backup":
        return this.#backup;
      case "what came after a copy":
        return this.#copies.length === 0 ? emptyDisk : this.#stage.world.random.pick(this.#copies);
      case "everything":
        return emptyDisk;
    }
  }

  /** A moment at which a crash loses something, if one comes soon. */
  async #awaitBadMoment(): Promise<void> {
    const { world, service } = this.#stage;
    const until = world.timeline.now + tickMs;
    while (!service.hasUnwritten && world.timeline.now < until) await world.timeline.sleep(1);
  }

  async #drain(): Promise<void> {
    const { world, history, service } = this.#stage;
    await service.drain();
    const from = world.timeline.now;
    await world.timeline.sleep(world.random.pick([50, 900, 6_000]));
    await service.start();
    history.trouble("absence", from, world.timeline.now);
  }

  async #stall(): Promise<void> {
    const { world, history, service } = this.#stage;
    const { timeline, random } = world;
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
    const { world, history, weather } = this.#stage;
    const duration = world.random.pick([200, 2_000, 9_000, 35_000]);
    const from: EpochMs = world.timeline.now;
    weather.goAway(duration);
    history.trouble("store away", from, from + duration);
  }
}
