import type { Policy } from "../../src/core/policy.ts";
import type { EpochMs } from "../../src/core/time.ts";
import { History } from "../simulation/seen/history.ts";
import type { Sight } from "../simulation/seen/sight.ts";
import { refusals, renewRows, Tally } from "../simulation/seen/tally.ts";
import { tallySights } from "../simulation/seen/tally-events.ts";
import { Random } from "../support/runs/random.ts";
import { type Break, preloadOf } from "./breaks/breaks.ts";
import { Life } from "./clients/life.ts";
import { RealTime } from "./clients/real-time.ts";
import { Fleet } from "./fleet/fleet.ts";
import { chaosEnv, policyOf } from "./fleet/horizons.ts";
import { bugsLogged } from "./fleet/logged-bugs.ts";
import { differingFigures } from "./observers/figures.ts";
import { settle } from "./observers/settling.ts";
import { Watchman } from "./observers/watchman.ts";
import { Progress } from "./progress.ts";
import { clientFaults } from "./storm/client-faults.ts";
import { drawSchedule, strikeNames } from "./storm/schedule.ts";
import { Storm } from "./storm/storm.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly replicas: number;
  /** The fault in every replica; none by default. */
  readonly broken?: Break | undefined;
  readonly say: (line: string) => void;
}

/** What came of a run. */
export interface ChaosRun {
  readonly policy: Policy;
  readonly sights: readonly Sight[];
  readonly settledAt: EpochMs;
  readonly sessionIds: readonly string[];
  /** Handshakes whose connections are up at both ends when the run is over. */
  readonly up: readonly string[];
  /** What must never happen, whatever the guarantees say. */
  readonly bugs: readonly string[];
  readonly tally: Tally;
}

/** Lives with real processes for a while, troubled as the seed says. */
export async function liveThroughChaos(options: ChaosOptions): Promise<ChaosRun> {
  const { seed, minutes, replicas, broken, say } = options;
  const random = new Random(seed);
  const durationMs = minutes * 60_000;
  const schedule = drawSchedule(random.fork(), { durationMs, replicas });
  say(
    `seed ${seed}: ${minutes} min, ${replicas} replicas on one Redis, ${schedule.length} faults planned`,
  );
  const time = new RealTime();
  const history = new History(time);
  const onBug = (text: string): void => history.bug("fleet", new Error(text));
  const preload = broken && preloadOf(broken);
  await using fleet = await Fleet.start({ replicas, env: chaosEnv, preload, onBug });
  const stage = set({ fleet, time, history, random, say });
  const settledAt = await play(stage, () => stage.storm.rage(schedule, durationMs));
  const { life, tally } = stage;
  tallySights(tally, history.sights);
  return {
    policy: life.world.policy,
    sights: history.sights,
    settledAt,
    sessionIds: life.places.map(({ sessionId }) => sessionId),
    up: life.peers.up,
    bugs: [...history.bugs, ...bugsLogged(fleet.allRuns)],
    tally,
  };
}

interface Props {
  readonly fleet: Fleet;
  readonly time: RealTime;
  readonly history: History;
  readonly random: Random;
  readonly say: (line: string) => void;
}

interface Stage extends Props {
  readonly life: Life;
  readonly storm: Storm;
  readonly watchman: Watchman;
  readonly progress: Progress;
  readonly tally: Tally;
}

function set(props: Props): Stage {
  const { fleet, time, history, random, say } = props;
  const fault = [...strikeNames, ...clientFaults];
  const tally = new Tally({ fault, "Renew row": renewRows, refusal: refusals });
  const count = (name: string): void => tally.add("fault", name);
  const replicas = fleet.replicas.map(({ number }) => number);
  const runs = (): Fleet["runs"] => fleet.runs;
  const policy = policyOf(chaosEnv);
  const life = new Life({ time, history, random: random.fork(), policy, replicas, runs, count });
  const progress = new Progress({ time, history, say });
  const { live } = life.world;
  const storm = new Storm({
    fleet,
    time,
    history,
    random: random.fork(),
    live,
    count: (name) => {
      count(name);
      progress.noteStrike();
    },
  });
  const watchman = new Watchman({ time, history, runs });
  return { ...props, life, storm, watchman, progress, tally };
}

/** Answers with the moment from which on nothing was expected to change any more. */
async function play(stage: Stage, rage: () => Promise<void>): Promise<EpochMs> {
  const { life, storm, watchman, progress, time, say } = stage;
  const population = life.begin();
  life.world.live("progress", () => progress.report());
  life.world.live("the watchman", () => watchman.watch());
  await rage();
  life.calmDown(population);
  await storm.pass();
  say(`${progress.line} · all is healed`);
  const settledAt = await settle(stage);
  await compareFigures(stage);
  watchman.stop();
  time.stop();
  life.network.hangUp();
  say(`${progress.line} · all is at rest`);
  return settledAt;
}

async function compareFigures({ fleet, time, history }: Stage): Promise<void> {
  for (const run of fleet.runs) {
    const difference = await differingFigures(run, time);
    if (difference === undefined) continue;
    history.bug(`the figures that replica ${run.replica} gives`, new Error(difference));
  }
}
