import { setTimeout as sleep } from "node:timers/promises";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import {
  AcquireRequestSchema,
  AcquireResponseSchema,
  ControllerLease,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  AttachSessionRequestSchema,
  FastPathRegistry,
  ReportTransportRequestSchema,
  SummarizeFleetRequestSchema,
  SummarizeFleetResponseSchema,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { ChannelState } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import type { Cores } from "../../support/process/cores.ts";
import { startContestant } from "../contestant.ts";
import { Http2Caller } from "../load/callers.ts";
import type { LongestTurn } from "../turn-watch.ts";
import { managerReport, managerUrlOf } from "./manager-report.ts";

const second = 1000;
const callsAtOnce = 256;
const pollEveryMs = 100;
const endsWithinMs = 60 * second;
const reportsInOne = 1000;
/** More at once would be more than one connection may have unanswered. */
const reportsAtOnce = 4;
const sessionsOfBeach = 10_000;

/** How so many leases ended. */
export interface Expiries {
  /** For how long one turn of the service's loop kept everything else waiting. */
  readonly longest: LongestTurn;
  /** From the end that the first was granted until the last was seen to have ended. */
  readonly tookMs: number;
}

/** Grants leases on active fast paths so that all of them end within a second, and lets them end. */
export async function measureExpiries(count: number, cores: Cores | undefined): Promise<Expiries> {
  await using service = await startContestant("lease-server.ts", {
    args: ["--leases", "0"],
    cores,
  });
  using caller = new CallerOfService(service.doors.grpc);
  const startedAt = performance.now();
  await manyAtOnce(count, (index) => caller.attach(index));
  const attachedInMs = performance.now() - startedAt;
  // A grant does a little more than an attach, and the reports come after it.
  const endAt = performance.now() + 4 * attachedInMs + 5 * second;
  const handshakes = await manyAtOnce(count, (index) => {
    const spread = (index / count) * second;
    return caller.acquire(index, endAt + spread - second / 2 - performance.now());
  });
  const report = (part: number): Promise<void> => {
    const from = part * reportsInOne;
    return caller.report(from, handshakes.slice(from, from + reportsInOne));
  };
  await manyAtOnce(Math.ceil(count / reportsInOne), report, reportsAtOnce);
  if ((await caller.liveLeases()) < count) throw new Error("leases ended before all were granted");
  await sleep(Math.max(0, endAt - second - performance.now()));
  await service.longestTurn();
  while ((await caller.liveLeases()) > 0) {
    // A machine that stands still is a gap to the service, after which leases live on for a while.
    if (performance.now() > endAt + endsWithinMs) throw new Error("leases did not end");
    await sleep(pollEveryMs);
  }
  const tookMs = performance.now() - (endAt - second / 2);
  return { longest: await service.longestTurn(), tookMs };
}

class CallerOfService implements Disposable {
  readonly #attach: Http2Caller;
  readonly #acquire: Http2Caller;
  readonly #report: Http2Caller;
  readonly #summarize: Http2Caller;

  constructor(address: string) {
    const open = (service: string, method: string): Http2Caller =>
      new Http2Caller({
        url: `http://${address}/${service}/${method}`,
        protocol: "http/2",
        contentType: "application/grpc",
        bodies: [],
      });
    this.#attach = open(FastPathRegistry.typeName, "AttachSession");
    this.#acquire = open(ControllerLease.typeName, "Acquire");
    this.#report = open(FastPathRegistry.typeName, "ReportTransport");
    this.#summarize = open(FastPathRegistry.typeName, "SummarizeFleet");
  }

  async attach(index: number): Promise<void> {
    const request = create(AttachSessionRequestSchema, {
      sessionId: idOf(index),
      privateBeachId: `beach-${Math.floor(index / sessionsOfBeach)}`,
      managerUrl: managerUrlOf(index),
    });
    await this.#attach.call(enveloped(toBinary(AttachSessionRequestSchema, request)));
  }

  /** The id of the handshake that the grant starts. */
  async acquire(index: number, ttlMs: number): Promise<string> {
    const ttl = {
      seconds: BigInt(Math.floor(ttlMs / 1000)),
      nanos: Math.floor(ttlMs % 1000) * 1e6,
    };
    const request = create(AcquireRequestSchema, { sessionId: idOf(index), reason: "bench", ttl });
    const body = enveloped(toBinary(AcquireRequestSchema, request));
    const answer = fromBinary(AcquireResponseSchema, await this.#acquire.callForMessage(body));
    return answer.offer?.handshakeId ?? "";
  }

  async report(from: number, handshakes: readonly string[]): Promise<void> {
    const reports = handshakes.map((handshakeId, index) =>
      managerReport({ sessionId: idOf(from + index), handshakeId }, 1, ChannelState.READY),
    );
    const request = create(ReportTransportRequestSchema, { reports });
    await this.#report.call(enveloped(toBinary(ReportTransportRequestSchema, request)));
  }

  async liveLeases(): Promise<number> {
    const request = create(SummarizeFleetRequestSchema);
    const body = enveloped(toBinary(SummarizeFleetRequestSchema, request));
    const answer = await this.#summarize.callForMessage(body);
    return Number(fromBinary(SummarizeFleetResponseSchema, answer).liveLeases);
  }

  [Symbol.dispose](): void {
    for (const caller of [this.#attach, this.#acquire, this.#report, this.#summarize]) {
      caller[Symbol.dispose]();
    }
  }
}

function idOf(index: number): string {
  return `session-${index}`;
}

async function manyAtOnce<T>(
  count: number,
  work: (index: number) => Promise<T>,
  width = callsAtOnce,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const workOn = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: width }, workOn));
  return results;
}
