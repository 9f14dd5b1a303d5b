import type { FaultName, FaultPlan } from "../../simulation/faults/fault.ts";
import type { Random } from "../../support/runs/random.ts";

/** What befalls clients and the connections between them; seldom, or nothing is ever promoted. */
const rates: readonly (readonly [FaultName, number])[] = [
  ["slow reader", 0.04],
  ["manager killed", 0.04],
  ["host killed", 0.08],
  ["manager handover", 0.06],
  ["connection closed", 0.12],
  ["connection interrupted", 0.12],
  ["channel closed", 0.06],
  ["acks slow", 0.06],
  ["acks stalled", 0.06],
  ["negotiation slow", 0.08],
  ["negotiation fails", 0.03],
  ["negotiation lame", 0.04],
  ["end mute", 0.04],
  ["report late", 0.04],
  ["report repeated", 0.04],
];

export const clientFaults: readonly FaultName[] = [
  ...rates.map(([name]) => name),
  "host without a say",
];

/** Every seed has another mix of them. */
export function drawClientFaults(random: Random): FaultPlan {
  return new Map(rates.filter(() => random.chance(0.7)));
}
