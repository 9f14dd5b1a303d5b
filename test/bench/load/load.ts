import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import type { Contestant } from "../contestant.ts";
import { Http2Caller, MessageCounter, openCaller } from "./callers.ts";
import type { Caller, Calls } from "./calls.ts";

/** What a stretch of load came to. */
export interface Measured {
  readonly perSecond: number;
  /** Processor time of the server for one renewal. */
  readonly cpuMicros: number;
}

/** How long a measurement takes, and the load before it, until the code under it is compiled. */
export interface Stretch {
  readonly warmUpMs: number;
  readonly ms: number;
}

/** Calls until it is over; each answer is counted. */
export type Load = (count: (renewals: number) => void, isOver: () => boolean) => Promise<void>;

/** Over HTTP/1.1 one is on its way on each connection. */
const connections = { "http/1.1": 64, "http/2": 4 } as const;

/** A call for each renewal, `inFlight` at a time over a few connections. */
export function unaryLoad(calls: Calls, inFlight: number): Load {
  return async (count, isOver) => {
    const callers = Array.from({ length: connections[calls.protocol] }, () => openCaller(calls));
    let next = 0;
    const worker = async (caller: Caller): Promise<void> => {
      while (!isOver()) {
        await caller.call(calls.bodies[next++ % calls.bodies.length] ?? Buffer.alloc(0));
        count(1);
      }
    };
    const each = Math.ceil(inFlight / callers.length);
    await Promise.all(
      callers.flatMap((caller) => Array.from({ length: each }, () => worker(caller))),
    );
    for (const caller of callers) caller[Symbol.dispose]();
  };
}

/** Messages of `batch` renewals each on one stream, with `depth` of them on the way. */
export function streamLoad(calls: Calls, batch: number, depth: number): Load {
  return async (count, isOver) => {
    using caller = new Http2Caller(calls);
    const stream = caller.open();
    const answers = new MessageCounter();
    let next = 0;
    const send = (messages: number): void => {
      const bodies = Array.from(
        { length: messages },
        () => calls.bodies[next++ % calls.bodies.length] ?? Buffer.alloc(0),
      );
      stream.write(Buffer.concat(bodies));
    };
    stream.on("data", (chunk: Buffer) => {
      const messages = answers.add(chunk);
      if (messages === 0) return;
      count(messages * batch);
      if (!isOver()) send(messages);
      else if (!stream.writableEnded) stream.end();
    });
    let status = "none";
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"]);
    });
    send(depth);
    await once(stream, "end");
    if (calls.isRenewed?.(answers.last) === false) throw new Error("a renewal was refused");
    if (status !== "0") throw new Error(`a stream of renewals ended with status ${status}`);
  };
}

/** Processor time of the server for one renewal, where each message is sent once. */
export async function measureOnce(
  contestant: Contestant,
  calls: Calls,
  { batch, depth: depthMax }: { readonly batch: number; readonly depth: number },
): Promise<number> {
  const depth = Math.min(depthMax, calls.bodies.length);
  const load = streamLoad(calls, batch, depth);
  let renewals = 0;
  const before = await contestant.cpuMicros();
  const count = (more: number): void => {
    renewals += more;
  };
  // Those that are on the way then are the last.
  await load(count, () => renewals >= (calls.bodies.length - depth) * batch);
  return ((await contestant.cpuMicros()) - before) / renewals;
}

/** Which of `count` servers is sent the renewal of a lease in a pass over all leases. */
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
  const calls = contestants.map((contestant) => contestant.unary());
  const bodies = calls[0]?.bodies ?? [];
  // Where it goes on when it is run again.
  let next = 0;
  return async (count, isOver) => {
    const callers = calls.map(openCaller);
    const underWay = new Set<Promise<void>>();
    const send = (): void => {
      const [lease, pass] = [next % bodies.length, Math.floor(next / bodies.length)];
      const caller = callers[choose(lease, pass, callers.length)];
      if (caller === undefined) throw new RangeError("there is no such server");
      const call = caller.call(bodies[lease] ?? Buffer.alloc(0)).then(
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
    for (const caller of callers) caller[Symbol.dispose]();
  };
}

/** As evenly as a timer can. */
const paceMs = 1;
const underWayMax = 256;

/** Runs the load for a while, once it has warmed up. */
export async function measure(
  contestant: Contestant,
  load: Load,
  { warmUpMs, ms }: Stretch,
): Promise<Measured> {
  let renewals = 0;
  let isOver = false;
  const running = load(
    (count) => {
      renewals += count;
    },
    () => isOver,
  );
  await Promise.race([sleep(warmUpMs), running]);
  const before = { renewals, cpu: await contestant.cpuMicros(), at: performance.now() };
  let cpu: number;
  // Again where nothing was counted yet: of etcd's processor, Linux counts hundredths of a second.
  do {
    await Promise.race([sleep(ms), running]);
    cpu = await contestant.cpuMicros();
  } while (renewals === before.renewals || cpu === before.cpu);
  const counted = renewals - before.renewals;
  const seconds = (performance.now() - before.at) / 1000;
  isOver = true;
  await running;
  return { perSecond: counted / seconds, cpuMicros: (cpu - before.cpu) / counted };
}
