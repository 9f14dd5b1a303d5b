import { setTimeout as sleep } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";

import {
  FastPathRegistry,
  ReportTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { ChannelState } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import type { Contestant, NodeContestant } from "../contestant.ts";
import { managerReport } from "../sessions/manager-report.ts";
import { Http2Caller, openCaller } from "./callers.ts";
import type { LeaseOnHand } from "./calls.ts";
import type { Stretch } from "./load.ts";

/** How long renewals took, in milliseconds, sorted. */
export type Latencies = readonly number[];

/**
 * Offers renewals at an even pace, however long answers take, and tells how long each took from the
 * moment at which it was to be sent: a server that stands still is charged with all that come
 * meanwhile.
 */
export async function latenciesOf(
  contestant: Contestant,
  perSecond: number,
  { warmUpMs, ms }: Stretch,
): Promise<Latencies> {
  await renewEvenly(contestant, perSecond, warmUpMs);
  const took = await renewEvenly(contestant, perSecond, ms);
  return took.toSorted((a, b) => a - b);
}

async function renewEvenly(
  contestant: Contestant,
  perSecond: number,
  ms: number,
): Promise<number[]> {
  const calls = contestant.unary();
  const callers = Array.from({ length: 4 }, () => openCaller(calls));
  const took: number[] = [];
  const underWay: Promise<void>[] = [];
  const startedAt = performance.now();
  const total = (ms / 1000) * perSecond;
  for (let sent = 0; sent < total; await sleep(1)) {
    const owed = Math.min(total, ((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < owed; sent += 1) {
      const dueAt = startedAt + (sent / perSecond) * 1000;
      const caller = callers[sent % callers.length];
      const body = calls.bodies[sent % calls.bodies.length];
      if (caller === undefined || body === undefined) throw new Error("nothing to renew");
      underWay.push(caller.call(body).then(() => void took.push(performance.now() - dueAt)));
    }
  }
  await Promise.all(underWay);
  for (const caller of callers) caller[Symbol.dispose]();
  return took;
}

/** Has all sessions change in one call so often, each with a write to disk, until it is over. */
export async function changeAll(
  { doors, leases }: NodeContestant,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  using caller = new Http2Caller({
    url: `http://${doors.grpc}/${FastPathRegistry.typeName}/ReportTransport`,
    protocol: "http/2",
    contentType: "application/grpc",
    bodies: [],
  });
  for (let sequence = 2; !signal.aborted; sequence += 1) {
    const startedAt = performance.now();
    await caller.call(encodedReports(leases, sequence));
    await sleep(Math.max(0, startedAt + everyMs - performance.now()));
  }
}

/** Of all sessions' managers: a channel that nobody needs is lost and comes back, in turns. */
function encodedReports(leases: readonly LeaseOnHand[], sequence: number): Buffer {
  const state = sequence % 2 === 0 ? ChannelState.CLOSED : ChannelState.READY;
  const reports = leases.map((lease) => managerReport(lease, sequence, state));
  const request = create(ReportTransportRequestSchema, { reports });
  return enveloped(toBinary(ReportTransportRequestSchema, request));
}
