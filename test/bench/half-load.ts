import { setTimeout as sleep } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";

import {
  FastPathRegistry,
  ReportTransportRequestSchema,
} from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { ChannelState } from "../../src/gen/beach/controller/v1/transport_pb.js";
import type { Contestant, LeaseOnHand } from "./contestant.ts";
import { callBytes, clientOf, encodedRenewals, renewPath, warmUpMs } from "./load.ts";
import { managerReport } from "./manager-report.ts";

/** How long renewals took, in milliseconds, sorted. */
export type Latencies = readonly number[];

export interface Offered {
  readonly perSecond: number;
  readonly ms: number;
  /** Beside the renewals, all sessions change in one call so often; undefined for never. */
  readonly changeAllEveryMs?: number;
}

/**
 * Offers renewals at an even pace, however long answers take, and tells how long each took from the
 * moment at which it was to be sent: a server that stands still is charged with all that come
 * meanwhile.
 */
export async function latenciesOf(contestant: Contestant, offered: Offered): Promise<Latencies> {
  const over = new AbortController();
  const changing = changeAll(contestant, offered.changeAllEveryMs, over.signal);
  await renewEvenly(contestant, { ...offered, ms: warmUpMs });
  const took = await renewEvenly(contestant, offered);
  over.abort();
  await changing;
  return took.toSorted((a, b) => a - b);
}

async function renewEvenly(
  { address, leases }: Contestant,
  { perSecond, ms }: Offered,
): Promise<number[]> {
  const requests = encodedRenewals(leases);
  const clients = Array.from({ length: 4 }, (_, index) => clientOf(address, index));
  const took: number[] = [];
  const underWay: Promise<void>[] = [];
  const startedAt = performance.now();
  const total = (ms / 1000) * perSecond;
  for (let sent = 0; sent < total; await sleep(1)) {
    const owed = Math.min(total, ((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < owed; sent += 1) {
      const dueAt = startedAt + (sent / perSecond) * 1000;
      const client = clients[sent % clients.length];
      const request = requests[sent % requests.length];
      if (client === undefined || request === undefined) throw new Error("nothing to renew");
      underWay.push(
        callBytes(client, renewPath, request).then(() => void took.push(performance.now() - dueAt)),
      );
    }
  }
  await Promise.all(underWay);
  for (const client of clients) client.close();
  return took;
}

/** Reports of all sessions' managers in one call, each of which is a transition. */
async function changeAll(
  { address, leases }: Contestant,
  everyMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (everyMs === undefined) return;
  const client = clientOf(address, leases.length);
  for (let sequence = 2; !signal.aborted; sequence += 1) {
    const startedAt = performance.now();
    await callBytes(client, reportPath, encodedReports(leases, sequence));
    await sleep(Math.max(0, startedAt + everyMs - performance.now()));
  }
  client.close();
}

const reportPath = `/${FastPathRegistry.typeName}/ReportTransport`;

/** A channel that nobody needs for actions is lost and comes back, in turns. */
function encodedReports(leases: readonly LeaseOnHand[], sequence: number): Buffer {
  const state = sequence % 2 === 0 ? ChannelState.CLOSED : ChannelState.READY;
  const reports = leases.map((lease) => managerReport(lease, sequence, state));
  const request = create(ReportTransportRequestSchema, { reports });
  return Buffer.from(toBinary(ReportTransportRequestSchema, request));
}
