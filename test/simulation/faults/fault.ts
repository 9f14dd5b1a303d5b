import type { Random } from "../../support/runs/random.ts";

const faultsOfTheDay = [
  "message delayed",
  "message lost",
  "message duplicated",
  "message reordered",
  "partition",
  "slow reader",
  "service crash",
  "service drain",
  "service stall",
  "wall clock jump",
  "token key lost",
  "store slow",
  "store conflict",
  "store contended",
  "store fault",
  "store away",
  "store acknowledgement lost",
  "extension lost in a crash",
  "commit in doubt at a crash",
  "backup restored",
  "store lost",
  "manager killed",
  "host killed",
  "manager handover",
  "connection closed",
  "connection interrupted",
  "channel closed",
  "acks slow",
  "acks stalled",
  "negotiation slow",
  "negotiation fails",
  "negotiation lame",
  "end mute",
  "report late",
  "report repeated",
  "short lives",
  "tight limits",
  "host without a say",
] as const;

/** What makes memories end or keeps less in them, and has others hold what was forgotten. */
const faultsOfMemory = [
  "many lives",
  "older file put back",
  "retired kept",
  "reports spared",
] as const;

/** Everything that may go wrong, by the name under which it is counted. */
export const faultNames: readonly FaultName[] = [...faultsOfTheDay, ...faultsOfMemory];

export type FaultName = (typeof faultsOfTheDay)[number] | (typeof faultsOfMemory)[number];

/**
 * Which faults a seed has, and how often each strikes. Every seed has another mix: a run in which
 * everything fails at once explores less than one in which a few things fail often.
 */
export type FaultPlan = ReadonlyMap<FaultName, number>;

/** Faults that follow from others and are counted where they come about. */
const consequences: readonly FaultName[] = [
  "extension lost in a crash",
  "commit in doubt at a crash",
];

export function drawFaultPlan(random: Random): FaultPlan {
  return drawFrom(faultsOfTheDay, random.pick([0, 0.15, 0.3, 0.5]), random);
}

/** In one seed of four: those of memory, which are drawn apart so that other seeds stay the same. */
export function drawForgetting(random: Random): FaultPlan {
  return drawFrom(faultsOfMemory, random.pick([0, 0, 0, 0.7]), random);
}

function drawFrom(names: readonly FaultName[], share: number, random: Random): FaultPlan {
  const plan = new Map<FaultName, number>();
  for (const name of names) {
    const isOn = random.chance(share);
    const rate = random.pick([0.04, 0.12, 0.3]);
    if (isOn && !consequences.includes(name)) plan.set(name, rate);
  }
  return plan;
}
