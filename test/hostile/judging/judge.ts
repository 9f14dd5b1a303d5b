import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Attack } from "../attack.ts";
import type { Attacked } from "../attackers.ts";
import type { Scene, Seen } from "../scene.ts";
import { saysAny } from "../tools/outcomes.ts";
import { isOfTheMachine } from "./gaps.ts";
import type { LongestTurn } from "./turn-meter.ts";

/** What became of one attack. */
export interface Judged {
  readonly name: string;
  /** What the service did wrong; empty when nothing. */
  readonly faults: readonly string[];
  /** What went wrong and is not the service's fault. */
  readonly excused: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Undefined when the service died. */
  readonly longestTurn: LongestTurn | undefined;
  readonly largestPauseMs: number;
  readonly memory: MemorySeen;
  readonly outcomes: Readonly<Record<string, number>>;
}

interface MemorySeen {
  readonly beforeBytes: number;
  readonly peakBytes: number;
  readonly afterBytes: number;
  /** What the service may keep of what it accepted. */
  readonly keptBytes: number;
}

export interface JudgeOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Whether what a machine's speed decides counts too. */
  readonly judgesTimes: boolean;
  /** Where profiles of the service are written; none are, when it is empty or missing. */
  readonly profileFolder?: string;
}

const megabyte = 1_000_000;
/** Above what it was, what the process may hold once the attack is over, and for how long more. */
const heldBytesMax = 50 * megabyte;
const settleMsMax = 30_000;
/** Above what it was, what it may hold while it is attacked. */
const peakBytesMax = 600 * megabyte;
/** What a renewal may take beside an attack, with the machine to itself. */
const p99MsMax = 100;
/** Answers that are still on their way when an attacker ends. */
const echoMs = 300;

/** Runs one attack beside the well-behaved beach. */
export async function judge(scene: Scene, attack: Attack, options: JudgeOptions): Promise<Judged> {
  const beforeBytes = await scene.heldBytes();
  const judged = await Promise.race([attacked(scene, attack, options, beforeBytes), died(scene)]);
  if (typeof judged !== "string") return judged;
  return dead(attack.name, judged, { beforeBytes, peakBytes: scene.process.peakBytes });
}

async function attacked(
  scene: Scene,
  attack: Attack,
  options: JudgeOptions,
  beforeBytes: number,
): Promise<Judged> {
  const { service } = scene;
  const seconds = Math.max(options.seconds, attack.secondsMin ?? 0);
  await scene.begin();
  if (options.profileFolder) await scene.inspector.startProfile();
  if (attack.service?.logReaderStops) service.readOutput(false);
  const order = { attack: attack.name, addresses: service.addresses, seconds, seed: options.seed };
  const attacker = await scene.attackers.run(order);
  await delay(echoMs);
  const seen = await scene.end();
  if (options.profileFolder) await writeProfile(scene, join(options.profileFolder, attack.name));
  const { peakBytes } = scene.process;
  if (attack.service?.logReaderStops) service.readOutput(true);
  const keptBytes = mayKeep(attack, attacker);
  const afterBytes = await settled(scene, beforeBytes + keptBytes + heldBytesMax);
  const memory = { beforeBytes, peakBytes, afterBytes, keptBytes };
  const { faults, excused } = gapsOf(seen);
  return {
    name: attack.name,
    faults: [
      ...inShort(seen.failures),
      ...faults,
      ...(seen.figures === undefined ? ["/metrics did not answer"] : []),
      ...refusalsMissing(attack, attacker),
      ...attacker.wrongs,
      ...(attacker.trouble === undefined ? [] : [`the attacker ended with ${attacker.trouble}`]),
      ...memoryFaults(memory),
      ...(options.judgesTimes ? slowness(seen) : []),
    ],
    excused: [...excused, ...needsMissing(attack, attacker)],
    p50Ms: quantile(seen.renewalMs, 0.5),
    p99Ms: quantile(seen.renewalMs, 0.99),
    longestTurn: seen.longestTurn,
    largestPauseMs: seen.largestPauseMs,
    memory,
    outcomes: attacker.outcomes,
  };
}

async function writeProfile({ inspector }: Scene, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.cpuprofile`, await inspector.endProfile());
}

/** Gaps count, but for those that the machine made by not letting the service run. */
function gapsOf({ gaps, loggedGaps }: Seen): {
  readonly faults: readonly string[];
  readonly excused: readonly string[];
} {
  const ofTheMachine = loggedGaps.filter(isOfTheMachine);
  const own = gaps - ofTheMachine.length;
  const lengths = loggedGaps.map(({ lengthMs }) => `${lengthMs} ms`).join(", ");
  return {
    faults: own > 0 ? [`${own} gaps were recorded (${lengths})`] : [],
    excused: ofTheMachine.map(
      ({ lengthMs, heldUpMs }) =>
        `a gap of ${lengthMs} ms, for ${Math.round(heldUpMs)} ms of which the machine ran something else`,
    ),
  };
}

function refusalsMissing({ refusedAs }: Attack, { outcomes }: Attacked): readonly string[] {
  if (refusedAs === undefined || saysAny(outcomes, refusedAs)) return [];
  return [`nothing was refused as ${refusedAs.join(" or ")}`];
}

/** What did not come to pass has shown nothing. */
function needsMissing({ needs }: Attack, { outcomes }: Attacked): readonly string[] {
  const times = outcomes[needs?.outcome ?? ""] ?? 0;
  if (needs === undefined || times >= needs.times) return [];
  return [`only ${times} × ${needs.outcome}, where it takes ${needs.times} to do harm`];
}

/** Many calls that fail in one way are one fault. */
function inShort(failures: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const failure of failures) counts.set(failure, (counts.get(failure) ?? 0) + 1);
  return [...counts].map(([failure, times]) =>
    times === 1 ? failure : `${failure} (${times} times)`,
  );
}

function memoryFaults({ beforeBytes, peakBytes, afterBytes, keptBytes }: MemorySeen): string[] {
  const faults: string[] = [];
  const grown = peakBytes - beforeBytes;
  if (grown > peakBytesMax) faults.push(`memory grew by ${Math.round(grown / megabyte)} MB`);
  const over = afterBytes - beforeBytes - keptBytes;
  if (over > heldBytesMax) {
    const seconds = settleMsMax / 1000;
    faults.push(`${seconds} s later ${Math.round(over / megabyte)} MB more than before are held`);
  }
  return faults;
}

function slowness({ renewalMs }: Seen): readonly string[] {
  const p99Ms = quantile(renewalMs, 0.99);
  return p99Ms < p99MsMax ? [] : [`p99 of renewals is ${p99Ms.toFixed()} ms`];
}

function mayKeep({ keeps }: Attack, { outcomes }: Attacked): number {
  return keeps === undefined ? 0 : (outcomes[keeps.outcome] ?? 0) * keeps.bytesEach;
}

/** Waits until the process holds no more than that, or the time is over. */
async function settled(scene: Scene, bytesMax: number): Promise<number> {
  const deadline = performance.now() + settleMsMax;
  let held = await scene.heldBytes();
  while (held > bytesMax && performance.now() < deadline) {
    await delay(2_000);
    held = await scene.heldBytes();
  }
  return held;
}

async function died({ service }: Scene): Promise<string> {
  const { code, signal } = await service.exited;
  const last = [...service.stderr, ...service.stdout].slice(-3);
  return `the service ended with ${signal ?? code}: ${last.join("\n")}`;
}

function dead(
  name: string,
  fault: string,
  memory: Pick<MemorySeen, "beforeBytes" | "peakBytes">,
): Judged {
  return {
    name,
    faults: [fault],
    excused: [],
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    longestTurn: undefined,
    largestPauseMs: Number.NaN,
    memory: { ...memory, afterBytes: 0, keptBytes: 0 },
    outcomes: {},
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
