import { toBinary, toJsonString } from "@bufbuild/protobuf";

import {
  WatchTransportResponseSchema as schema,
  type WatchTransportResponse,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";

const repeats = 20_000;

/** Processor time to serialise the message once, in microseconds, in each format. */
export function serialisingMicros(message: WatchTransportResponse): {
  readonly proto: number;
  readonly json: number;
} {
  return {
    proto: microsOf(() => toBinary(schema, message)),
    json: microsOf(() => toJsonString(schema, message)),
  };
}

function microsOf(work: () => unknown): number {
  const round = (): number => {
    const before = process.cpuUsage();
    for (let repeat = 0; repeat < repeats; repeat++) work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / repeats;
  };
  // The first round is slower, for it is compiled meanwhile.
  return Math.min(round(), round(), round());
}
