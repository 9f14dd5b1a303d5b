import { defaultPolicy, type Policy, sharedPolicy } from "../../src/core/policy.ts";
import type { DurationMs, EpochMs } from "../../src/core/time.ts";
import { StoreUnavailable } from "../../src/service/session-store.ts";
import { Random } from "../support/runs/random.ts";
import { Chaos } from "./faults/chaos.ts";
import { EndTrouble } from "./faults/end-trouble.ts";
import { drawFaultPlan, drawForgetting, type FaultName, type FaultPlan } from "./faults/fault.ts";
import { StoreWeather } from "./faults/store-weather.ts";
import { type Knowledge, knownAtTheDoor } from "./judging/witness.ts";
import { Network } from "./network/network.ts";
import { PeerNetwork } from "./network/peer-link.ts";
import { populate } from "./population.ts";
import { History } from "./seen/history.ts";
import type { Sight } from "./seen/sight.ts";
import { Tally } from "./seen/tally.ts";
import { tallyServiceEvent, tallySights } from "./seen/tally-events.ts";
import { Disk } from "./service/disk.ts";
import { SimulatedService } from "./service/simulated-service.ts";
import { Timeline } from "./timeline.ts";
import type { Place, World } from "./world.ts";

const start: EpochMs = 1_763_400_000_000;
/** After the trouble: long enough for every deadline and back-off of it to be over. */
const calmMs: DurationMs = 150_000;
/** What happens in the very end may still be on its way. */
const settlingMs: DurationMs = 30_000;
const beachId = "beach-1";

/** What came of one seed. */
export interface Run {
  readonly seed: number;
  readonly plan: FaultPlan;
  readonly policy: Policy;
  readonly knowledge: Knowledge;
  readonly sights: readonly Sight[];
  readonly settledAt: EpochMs;
  readonly sessionIds: readonly string[];
  /** Handshakes whose connections are up at both ends when the run is over. */
  readonly up: readonly string[];
  /** Thrown errors; there must be none. */
  readonly bugs: readonly string[];
  readonly tally: Tally;
}

/** Lives through the days of one seed: the same seed, the same days. */
export async function simulate(seed: number): Promise<Run> {
  const random = new Random(seed);
  const plan = new Map([...drawFaultPlan(random), ...drawForgetting(new Random(~seed))]);
  const policy = drawPolicy(plan);
  const stormMs = random.pick([60_000, 100_000, 180_000]);
  const setting = set({ random, plan, policy });
  const { world, timeline, service, history, tally } = setting;
  world.live("the service", () => service.start());
  const calmDown = letLive(setting);
  await timeline.runUntil(start + stormMs);
  calmDown();
  await timeline.runUntil(start + stormMs + calmMs);
  const { sights } = history;
  tallySights(tally, sights);
  return {
    seed,
    plan,
    policy,
    sights,
    knowledge: knownAtTheDoor,
    settledAt: timeline.now - settlingMs,
    sessionIds: setting.places.map(({ sessionId }) => sessionId),
    up: world.peers.up,
    bugs: history.bugs,
    tally,
  };
}

interface Setting {
  readonly world: World;
  readonly timeline: Timeline;
  readonly service: SimulatedService;
  readonly network: Network;
  readonly disk: Disk;
  readonly weather: StoreWeather;
  readonly history: History;
  readonly tally: Tally;
  readonly places: readonly Place[];
}

interface Drawn {
  readonly random: Random;
  readonly plan: FaultPlan;
  readonly policy: Policy;
}

function set({ random, plan, policy }: Drawn): Setting {
  const timeline = new Timeline(start);
  const history = new History(timeline);
  const tally = new Tally();
  const disk = new Disk();
  const count = (fault: FaultName): void => tally.fault(fault);
  for (const name of ["short lives", "many lives", "reports spared", "tight limits"] as const) {
    if (plan.has(name)) count(name);
  }
  const onFault = (): void =>
    history.trouble("store shaky", timeline.now - 1_500, timeline.now + 3_500);
  const weather = new StoreWeather({
    plan,
    random: random.fork(),
    now: () => timeline.now,
    count,
    onFault,
  });
  const service = new SimulatedService({
    timeline,
    disk,
    weather,
    policy,
    random: random.fork(),
    observe: (event) => {
      tallyServiceEvent(tally, event);
      const isBug = event.kind === "failed" && !(event.error instanceof StoreUnavailable);
      if (isBug) history.bug(event.where, event.error);
    },
    onGone: () => network.breakStreams(),
  });
  const network = new Network({ timeline, history, service, plan, random: random.fork(), count });
  const draw = (fault: FaultName, share?: number): boolean => network.draw(fault, share);
  const live = (who: string, life: () => Promise<void>): void => {
    life().catch((error: unknown) => history.bug(who, error));
  };
  const peers = new PeerNetwork({ timeline, random: random.fork(), draw });
  const places = drawPlaces(random, plan, count);
  const world: World = { timeline, random, network, peers, plan, policy, draw, live };
  return { world, timeline, service, network, disk, weather, history, tally, places };
}

/** Lets everybody in, lets trouble begin, and returns what ends it. */
function letLive({ places, weather, tally, ...setting }: Setting): () => void {
  const { world, network } = setting;
  const { managers, hosts, operators } = populate(world, beachId, places);
  const count = (fault: FaultName): void => tally.fault(fault);
  const ends = new EndTrouble(world, { managers, hosts, places });
  const chaos = new Chaos({ ...setting, weather, ends, count });
  world.live("chaos", () => chaos.rage());
  return () => {
    for (const part of [chaos, network, weather, ...operators]) part.calmDown();
  };
}

function drawPlaces(
  random: Random,
  plan: FaultPlan,
  count: (fault: FaultName) => void,
): readonly Place[] {
  return ["session-1", "session-2", "session-3"].slice(0, random.between(1, 3)).map((sessionId) => {
    const isSilent = plan.has("host without a say") && random.chance(0.6);
    if (isSilent) count("host without a say");
    // Some are attached as if they reported, and never do.
    const hostReports = !isSilent || random.chance(0.4);
    return { sessionId, beachId, hostReports, hostSpeaks: !isSilent };
  });
}

function drawPolicy(plan: FaultPlan): Policy {
  const shortLives = { sessionIdleMs: 9_000, tombstoneMs: 25_000 };
  const manyLives = { sessionIdleMs: 9_000, tombstoneMs: 4_000 };
  const tightLimits = { liveLeasesMax: 4, holdsMax: 1, negotiationsPerManagerMax: 1 };
  const policy = {
    ...defaultPolicy,
    ...(plan.has("short lives") ? shortLives : {}),
    ...(plan.has("many lives") ? manyLives : {}),
    ...(plan.has("tight limits") ? tightLimits : {}),
  };
  // One process serves at a time: nobody is still in an incarnation that was lost.
  return plan.has("reports spared") ? { ...sharedPolicy(policy), splitMs: 0 } : policy;
}
