import type { Bench } from "./bench.ts";
import type { Entrant } from "./contest.ts";
import { type Contestant, type NodeContestant, startContestant } from "./contestant.ts";
import type { Doors } from "./load/calls.ts";
import { h2loadVersion, measureByH2load } from "./load/h2load.ts";
import { type Measured, measure, streamLoad, unaryLoad } from "./load/load.ts";
import { etcdVersion, startEtcd } from "./servers/etcd.ts";

interface Start<Started extends Contestant = Contestant> {
  readonly name: string;
  start(): Promise<Started>;
}

export const emptyGrpc = "an empty grpc-js handler";

/** The service on a SQLite file, as it starts by default. */
export function service({ size, cores }: Bench): Start<NodeContestant> {
  const args = ["--leases", String(size.leases)];
  return { name: "the service", start: () => startContestant("lease-server.ts", { args, cores }) };
}

export function grpcFloor({ size, cores }: Bench): Start {
  const args = [String(size.leases)];
  return { name: emptyGrpc, start: () => startContestant("floor-server.ts", { args, cores }) };
}

export function http2Floor({ size, cores }: Bench): Start {
  const args = [String(size.leases)];
  const start = () => startContestant("http2-floor-server.ts", { args, cores });
  return { name: "node:http2 alone", start };
}

/** None where there is no etcd. */
export function etcd({ size, cores }: Bench): readonly Start[] {
  if (etcdVersion === undefined) return [];
  return [{ name: etcdName, start: () => startEtcd(size.leases, cores) }];
}

export const etcdName: string = `etcd ${etcdVersion}`;

/** Renewals a call each, by h2load where there is one. */
export function unary({ size }: Bench, of: Start, door: keyof Doors = "grpc"): Entrant<Measured> {
  return {
    ...of,
    measure(contestant) {
      const calls = contestant.unary(door);
      return h2loadVersion === undefined
        ? measure(contestant, unaryLoad(calls, inFlight), size)
        : measureByH2load(contestant, calls, size);
    },
  };
}

/** The same by our own client, which renews all leases in turn. */
export function unaryOverAll({ size }: Bench, of: Start): Entrant<Measured> {
  const measureOne: Entrant<Measured>["measure"] = (contestant) =>
    measure(contestant, unaryLoad(contestant.unary(), inFlight), size);
  return { ...of, measure: measureOne };
}

/** Unary calls that our client has on their way. */
export const inFlight = 128;

/** Renewals on one stream, so many a message, with so many messages on the way. */
export function stream(
  { size }: Bench,
  of: Start,
  { batch, depth }: { readonly batch: number; readonly depth: number },
): Entrant<Measured> {
  return {
    ...of,
    measure: (contestant) =>
      measure(contestant, streamLoad(contestant.stream(batch), batch, depth), size),
  };
}
