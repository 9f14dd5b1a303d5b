import type { Policy } from "../../../src/core/policy.ts";
import type { DurationMs } from "../../../src/core/time.ts";
import { EndTrouble } from "../../simulation/faults/end-trouble.ts";
import type { FaultName } from "../../simulation/faults/fault.ts";
import { PeerNetwork } from "../../simulation/network/peer-link.ts";
import { type Population, populate } from "../../simulation/population.ts";
import type { History } from "../../simulation/seen/history.ts";
import type { Place, World } from "../../simulation/world.ts";
import type { Random } from "../../support/runs/random.ts";
import type { ReplicaRun } from "../fleet/replica.ts";
import { audit } from "../observers/auditor.ts";
import { stayAsGuest } from "../observers/guest.ts";
import { drawClientFaults } from "../storm/client-faults.ts";
import { RealNetwork } from "./real-network.ts";
import type { RealTime } from "./real-time.ts";

interface LifeParts {
  readonly time: RealTime;
  readonly history: History;
  readonly random: Random;
  readonly policy: Policy;
  /** Their numbers. */
  readonly replicas: readonly number[];
  readonly runs: () => readonly ReplicaRun[];
  readonly count: (fault: FaultName) => void;
}

const beachId = "beach-1";
const sessions = 6;
const tickMs: DurationMs = 1_000;

/** Everybody who lives with the fleet, in this process, over real sockets. */
export class Life {
  readonly world: World;
  readonly network: RealNetwork;
  readonly peers: PeerNetwork;
  readonly places: readonly Place[];
  readonly #parts: LifeParts;
  #isCalm = false;

  constructor(parts: LifeParts) {
    this.#parts = parts;
    const { time: timeline, random, policy, history, count } = parts;
    const plan = drawClientFaults(random);
    const drawn = random.fork();
    const draw = (fault: FaultName, share = 1): boolean => {
      const rate = plan.get(fault);
      if (this.#isCalm || rate === undefined || !drawn.chance(rate * share)) return false;
      count(fault);
      return true;
    };
    this.network = new RealNetwork({ ...parts, random: random.fork() });
    this.peers = new PeerNetwork({ timeline, random: random.fork(), draw });
    this.places = drawPlaces(random, count);
    const live = (who: string, life: () => Promise<void>): void => {
      life().catch((error: unknown) => history.bug(who, error));
    };
    const { network, peers } = this;
    this.world = { timeline, random: random.fork(), network, peers, plan, policy, draw, live };
  }

  begin(): Population {
    const { world, network, places } = this;
    const { replicas } = this.#parts;
    const population = populate(world, beachId, places);
    const links = replicas.map((number) => network.link(`auditor of replica ${number}`, number));
    world.live("the auditors", () => audit(world, places, links));
    for (const place of places.filter((_, index) => index % 2 === 0)) {
      for (const reason of ["a look", "another look"]) {
        world.live("a guest", () => stayAsGuest(world, place, reason));
      }
    }
    const ends = new EndTrouble(world, { ...population, places });
    world.live("trouble of the ends", async () => {
      while (!this.#isCalm) {
        await this.#parts.time.sleep(tickMs);
        if (!this.#isCalm) ends.tick();
      }
    });
    return population;
  }

  /**
   * No more trouble among clients from here on. Acks that are held and ends that are mute would
   * outlast the moment at which all is found well, and take a session's fast path after it.
   */
  calmDown({ operators, managers, hosts }: Population): void {
    this.#isCalm = true;
    for (const part of [...operators, ...managers, ...hosts, this.peers]) part.calmDown();
  }
}

function drawPlaces(random: Random, count: (fault: FaultName) => void): readonly Place[] {
  return Array.from({ length: sessions }, (_, index) => {
    const hostSpeaks = !random.chance(0.2);
    if (!hostSpeaks) count("host without a say");
    const sessionId = `session-${index + 1}`;
    return { sessionId, beachId, hostReports: hostSpeaks || random.chance(0.3), hostSpeaks };
  });
}
