import type { Bench, Part } from "../bench.ts";
import { alternate } from "../contest.ts";
import {
  emptyGrpc,
  etcd,
  etcdName,
  grpcFloor,
  http2Floor,
  service,
  unary,
  unaryOverAll,
} from "../entrants.ts";
import { h2loadVersion } from "../load/h2load.ts";
import type { Measured } from "../load/load.ts";
import { compared, type Figure, type Findings, type Row, rowOf } from "../report/row.ts";
import { secondsOf } from "../seconds.ts";

export const unaryPart: Part = {
  name: "unary",
  title: "Renewals, a call each, over gRPC",
  seconds: (size) => secondsOf(size, h2loadVersion === undefined ? 4 : 6),
  run,
};

async function run(bench: Bench): Promise<Findings> {
  const peers = etcd(bench);
  const entrants = [service(bench), grpcFloor(bench), http2Floor(bench), ...peers];
  const [own = [], floor = [], http2 = [], peer = []] = await alternate(
    bench,
    "unary Renew",
    entrants.map((entrant) => unary(bench, entrant)),
  );
  const renew = costOf("Renew", own);
  const ofPeer = { with: "peer", name: etcdName } as const;
  const rows: Row[] = [
    compared(renew, { with: "floor", name: emptyGrpc, values: cpuOf(floor), atLeast: 0.85 }),
    compared(renew, { with: "floor", name: "node:http2 alone", values: cpuOf(http2) }),
  ];
  if (peer.length > 0) rows.push(compared(renew, { ...ofPeer, values: cpuOf(peer), atLeast: 1 }));
  rows.push(rateOf("Renew", own));
  if (h2loadVersion !== undefined) {
    const [all = [], peerAll = []] = await alternate(
      bench,
      "unary Renew, all leases in turn",
      [service(bench), ...peers].map((entrant) => unaryOverAll(bench, entrant)),
    );
    const renewAll = costOf(`Renew, ${bench.size.leases} leases in turn`, all);
    rows.push(
      peerAll.length > 0
        ? compared(renewAll, { ...ofPeer, values: cpuOf(peerAll) })
        : rowOf(renewAll),
    );
  }
  return { rows, notes: peers.length === 0 ? ["there is no etcd to compare with"] : [] };
}

/** Processor time of the server, which a slow caller does not change. */
export function costOf(name: string, measured: readonly Measured[]): Figure {
  return { name, unit: "µs a renewal", values: cpuOf(measured) };
}

export function rateOf(name: string, measured: readonly Measured[]): Row {
  const values = measured.map(({ perSecond }) => perSecond);
  return rowOf({ name: `${name}, answered`, unit: "renewals/s", values });
}

export function cpuOf(measured: readonly Measured[]): readonly number[] {
  return measured.map(({ cpuMicros }) => cpuMicros);
}
