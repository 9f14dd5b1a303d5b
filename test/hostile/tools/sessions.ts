import { fromBinary } from "@bufbuild/protobuf";
import type { Addresses } from "../../../src/app.ts";
import {
  AcquireRequestSchema,
  AcquireResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { AttachSessionRequestSchema } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { atOnce } from "./at-once.ts";
import { type GrpcCaller, grpcCaller } from "./grpc-caller.ts";
import { bytesOf, pathOf } from "./messages.ts";
import { Outcomes } from "./outcomes.ts";

/** Each attacker is a process, and has a private beach and sessions of its own. */
export const attackedBeach: string = `attacked-beach-${process.pid}`;

/** Never aborts: what an attack has to set up is set up. */
const never = new AbortController().signal;

/** Attaches so many sessions of the attacked beach, and counts those that were: `attached`. */
export async function attachMany(
  addresses: Addresses,
  outcomes: Outcomes,
  count: number,
): Promise<void> {
  const seen = new Outcomes();
  using caller = await grpcCaller(addresses.grpc, seen);
  await atOnce(50, count, never, (index) =>
    caller.unary(
      pathOf("attachSession"),
      bytesOf(AttachSessionRequestSchema, {
        sessionId: sessionNamed(index),
        privateBeachId: attackedBeach,
      }),
    ),
  );
  for (const [outcome, times] of Object.entries(seen.counts)) {
    outcomes.see(outcome === "grpc 0" ? "attached" : `attach: ${outcome}`, times);
  }
}

export function sessionNamed(index: number): string {
  return `attacked-${process.pid}-${index}`;
}

export interface Acquired {
  readonly controllerToken: string;
  readonly leaseId: string;
}

/** Acquires a lease under the reason; undefined where that is refused. */
export async function acquire(
  caller: GrpcCaller,
  sessionId: string,
  reason: string,
): Promise<Acquired | undefined> {
  const request = { sessionId, reason, passcode: "any", privateBeachId: attackedBeach };
  const answer = await caller.unary(pathOf("acquire"), bytesOf(AcquireRequestSchema, request));
  if (answer.length <= 5) return undefined;
  const { controllerToken, lease } = fromBinary(AcquireResponseSchema, answer.subarray(5));
  return { controllerToken, leaseId: lease?.leaseId ?? "" };
}
