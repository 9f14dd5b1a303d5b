import { KeepAliveRequestSchema } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { holdOn } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { bytesOf, healthPath, pathOf, reflectionPath } from "../../tools/messages.ts";

export const unreadKeepAlives: Attack = {
  name: "unread-keep-alives",
  sends: "100 KeepAlive streams with 20 batches of 1000 renewals each, whose answers nobody reads",
  right: "a batch is not begun before the answers to those before are on their way",
  form: "long",
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes, { initialWindowSize: 1 });
    const renewal = { sessionId: "unknown", controllerToken: "t".repeat(43) };
    const renewals = Array.from({ length: 1_000 }, () => renewal);
    const message = enveloped(bytesOf(KeepAliveRequestSchema, { renewals }));
    for (let index = 0; index < 100; index += 1) {
      const stream = caller.open(pathOf("keepAlive"));
      stream.pause();
      for (let batch = 0; batch < 20; batch += 1) stream.write(message);
    }
    await holdOn(signal);
  },
};

function watchHealth(name: string, count: number, form: Attack["form"]): Attack {
  return {
    name,
    sends: `${count} watches of health on one connection, all of which end with it`,
    right: "each costs little, and so does the end of all of them",
    form,
    async run({ addresses, outcomes, signal }) {
      using caller = await grpcCaller(addresses.grpc, outcomes);
      for (let index = 0; index < count; index += 1) {
        const stream = caller.open(`${healthPath}Watch`);
        stream.end(enveloped(Buffer.alloc(0)));
        stream.resume();
      }
      await holdOn(signal);
    },
  };
}

export const healthWatches: Attack = watchHealth("health-watches", 4_000, "long");
export const manyHealthWatches: Attack = watchHealth("health-watches-many", 15_000, "full");

/** Field 4 of reflection's request names a symbol. */
function fileOf(symbol: string): Buffer {
  return Buffer.concat([Buffer.of(0x22, symbol.length), Buffer.from(symbol)]);
}

export const reflectionStreams: Attack = {
  name: "reflection-streams",
  sends: "3000 streams of reflection with 50 questions for the whole schema each, answers not read",
  right: "no answer is made before those before are on their way, and all streams are bounded",
  form: "long",
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes, { initialWindowSize: 1 });
    const question = enveloped(fileOf("beach.controller.v1.ControllerLease"));
    const questions = Buffer.concat(Array.from({ length: 50 }, () => question));
    for (let index = 0; index < 3_000 && !signal.aborted; index += 1) {
      const stream = caller.open(reflectionPath);
      stream.pause();
      stream.write(questions);
    }
    await holdOn(signal);
  },
};

export const unfinishedCalls: Attack = {
  name: "unfinished-calls",
  sends: "15,000 calls of each kind that are begun and never finished, half of a message each",
  right: "what has come of a message is bounded over a connection, and a slow call ends",
  form: "long",
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    const paths = (["renew", "keepAlive", "watchTransport", "reportTransport"] as const).map(
      pathOf,
    );
    const half = enveloped(Buffer.alloc(20_000)).subarray(0, 10_000);
    for (let index = 0; index < 15_000 && !signal.aborted; index += 1) {
      const stream = caller.open(paths[index % paths.length] ?? "");
      stream.resume();
      stream.write(half);
    }
    await holdOn(signal);
  },
};
