import type { Bench, Part } from "../bench.ts";
import { alternate } from "../contest.ts";
import { emptyGrpc, etcd, etcdName, grpcFloor, service, stream } from "../entrants.ts";
import { compared, type Findings, type Row } from "../report/row.ts";
import { secondsOf } from "../seconds.ts";
import { costOf, cpuOf, rateOf } from "./unary.ts";

export const streamsPart: Part = {
  name: "streams",
  title: "Renewals on one stream (KeepAlive)",
  seconds: (size) => secondsOf(size, 5),
  run,
};

const single = { batch: 1, depth: 128 };
const batches = { batch: 1000, depth: 4 };

async function run(bench: Bench): Promise<Findings> {
  const ours = [service(bench), grpcFloor(bench)];
  const peers = etcd(bench);
  const [one = [], floorOfOne = [], peer = []] = await alternate(
    bench,
    "KeepAlive, one renewal a message",
    [...ours, ...peers].map((entrant) => stream(bench, entrant, single)),
  );
  const [many = [], floorOfMany = []] = await alternate(
    bench,
    "KeepAlive in batches of 1000",
    ours.map((entrant) => stream(bench, entrant, batches)),
  );
  const cases = [
    { name: "KeepAlive, one a message", own: one, floor: floorOfOne, atLeast: 1.5 },
    { name: "KeepAlive, batches of 1000", own: many, floor: floorOfMany, atLeast: 8 },
  ];
  const rows = cases.flatMap(({ name, own, floor, atLeast }): Row[] => {
    const cost = costOf(name, own);
    const ofEtcd = { with: "peer", name: `${etcdName}, one a message`, atLeast } as const;
    return [
      ...(peer.length > 0 ? [compared(cost, { ...ofEtcd, values: cpuOf(peer) })] : []),
      compared(cost, { with: "floor", name: emptyGrpc, values: cpuOf(floor) }),
      rateOf(name, own),
    ];
  });
  return { rows, notes: peers.length === 0 ? ["there is no etcd to compare with"] : [] };
}
