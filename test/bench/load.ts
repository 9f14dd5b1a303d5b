import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";

import {
  ControllerLease,
  KeepAliveRequestSchema,
  RenewRequestSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { Contestant, LeaseOnHand } from "./contestant.ts";

const identity = (bytes: Buffer): Buffer => bytes;

/** What a stretch of load came to. */
export interface Measured {
  readonly perSecond: number;
  /** Processor time of the server for one renewal. */
  readonly cpuMicros: number;
}

/** Calls that never end by themselves: `next` starts one and counts it when it is answered. */
export type Load = (count: (renewals: number) => void, isOver: () => boolean) => Promise<void>;

/** Unary renewals, `inFlight` at a time over a few connections. */
export function unaryLoad({ address, leases }: Contestant, inFlight: number): Load {
  const requests = encodedRenewals(leases);
  const clients = Array.from({ length: 4 }, (_, index) => clientOf(address, index));
  return async (count, isOver) => {
    let next = 0;
    const worker = async (index: number): Promise<void> => {
      const client = clients[index % clients.length];
      while (client && !isOver()) {
        await callBytes(client, renewPath, requests[next++ % requests.length] ?? Buffer.alloc(0));
        count(1);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, (_, index) => worker(index)));
    for (const client of clients) client.close();
  };
}

/** One KeepAlive stream with `depth` batches on the way. */
export function batchLoad({ address, leases }: Contestant, batch: number, depth: number): Load {
  const renewals = Array.from({ length: batch }, (_, index) =>
    renewal(leases[index % leases.length]),
  );
  const request = Buffer.from(
    toBinary(KeepAliveRequestSchema, create(KeepAliveRequestSchema, { renewals })),
  );
  return async (count, isOver) => {
    const client = clientOf(address, 0);
    const path = `/${ControllerLease.typeName}/KeepAlive`;
    const stream = client.makeBidiStreamRequest(path, identity, identity);
    stream.on("data", () => {
      count(batch);
      if (isOver()) stream.end();
      else stream.write(request);
    });
    for (let sent = 0; sent < depth; sent++) stream.write(request);
    await once(stream, "end");
    client.close();
  };
}

/** Which of `count` contestants is sent the renewal of a lease in a pass over all leases. */
export type Choice = (lease: number, pass: number, count: number) => number;

/**
 * Unary renewals of all leases in turn, so many a second; fewer while too many of them are under
 * way. Those that are refused are not counted.
 */
export function pacedLoad(
  contestants: readonly Contestant[],
  perSecond: number,
  choose: Choice,
): Load {
  const requests = encodedRenewals(contestants[0]?.leases ?? []);
  // Where it goes on when it is run again.
  let next = 0;
  return async (count, isOver) => {
    const clients = contestants.map(({ address }, index) => clientOf(address, index));
    const underWay = new Set<Promise<void>>();
    const send = (): void => {
      const [lease, pass] = [next % requests.length, Math.floor(next / requests.length)];
      const client = clients[choose(lease, pass, clients.length)];
      if (client === undefined) throw new RangeError("there is no such contestant");
      const call = callBytes(client, renewPath, requests[lease] ?? Buffer.alloc(0)).then(
        () => count(1),
        () => undefined,
      );
      underWay.add(call);
      void call.finally(() => underWay.delete(call));
      next += 1;
    };
    let owed = 0;
    for (let at = performance.now(); !isOver(); await sleep(paceMs)) {
      owed += ((performance.now() - at) / 1000) * perSecond;
      at = performance.now();
      for (; owed >= 1 && underWay.size < underWayMax; owed -= 1) send();
      // What could not be sent now is not made up for.
      owed = Math.min(owed, underWayMax);
    }
    await Promise.all(underWay);
    for (const client of clients) client.close();
  };
}

const paceMs = 10;
const underWayMax = 64;

/** Until the code under load is compiled; the less a server does, the sooner. */
export const warmUpMs = 3000;

/** Runs the load for a while, once it has warmed up. */
export async function measure(contestant: Contestant, load: Load, ms: number): Promise<Measured> {
  let renewals = 0;
  let isOver = false;
  const running = load(
    (count) => {
      renewals += count;
    },
    () => isOver,
  );
  await sleep(warmUpMs);
  const before = { renewals, cpu: await contestant.cpuMicros(), at: performance.now() };
  await sleep(ms);
  const cpu = await contestant.cpuMicros();
  const counted = renewals - before.renewals;
  const seconds = (performance.now() - before.at) / 1000;
  isOver = true;
  await running;
  return { perSecond: counted / seconds, cpuMicros: (cpu - before.cpu) / counted };
}

/** A call whose request is encoded once and sent often, and whose answer nobody reads. */
export function callBytes(client: grpc.Client, path: string, request: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, identity, identity, request, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

export const renewPath: string = `/${ControllerLease.typeName}/Renew`;

export function clientOf(address: string, index: number): grpc.Client {
  // A channel of its own, and so a connection of its own, needs options that differ.
  return new grpc.Client(address, grpc.credentials.createInsecure(), { "bench.connection": index });
}

function renewal(lease: LeaseOnHand | undefined): { sessionId: string; controllerToken: string } {
  return { sessionId: lease?.sessionId ?? "", controllerToken: lease?.token ?? "" };
}

export function encodedRenewals(leases: readonly LeaseOnHand[]): readonly Buffer[] {
  return leases.map((lease) =>
    Buffer.from(toBinary(RenewRequestSchema, create(RenewRequestSchema, renewal(lease)))),
  );
}
