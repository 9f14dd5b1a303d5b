import { TransportPath } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { Time } from "../../simulation/world.ts";
import type { ReplicaRun } from "../fleet/replica.ts";

const attempts = 40;
const againMs = 250;

/**
 * Whether the figures of the fleet, which every change moves by itself, are those of its sessions.
 * Answers with the difference; undefined when there was none between one change and the next.
 */
export async function differingFigures(run: ReplicaRun, time: Time): Promise<string | undefined> {
  let difference: string | undefined;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    difference = await compare(run).catch(String);
    if (difference === undefined) return undefined;
    await time.sleep(againMs);
  }
  return difference;
}

async function compare({ service: { registry } }: ReplicaRun): Promise<string | undefined> {
  const summary = await registry.summarizeFleet({});
  const { sessions } = await registry.listSessions({ pageSize: 1_000 });
  const counted = {
    sessions: sessions.length,
    liveLeases: sessions.reduce((sum, { leases }) => sum + leases.length, 0),
    fastPath: sessions.filter(({ transport }) => transport?.path === TransportPath.FAST_PATH)
      .length,
    negotiationsInFlight: sessions.filter(({ transport }) => transport?.negotiation).length,
  };
  const names = Object.keys(counted) as readonly (keyof typeof counted)[];
  const wrong = names.filter((name) => Number(summary[name]) !== counted[name]);
  if (wrong.length === 0) return undefined;
  return wrong.map((name) => `${name} ${summary[name]}, and there are ${counted[name]}`).join("; ");
}
