import { setTimeout as delay } from "node:timers/promises";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";

import { createBackoff } from "../../src/client/index.ts";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";

/** Makes unary calls, each of them again while the service cannot be reached. */
export interface RetryingClient extends Disposable {
  /** Whether it speaks to the internal door, where managers report. */
  readonly isInternal: boolean;
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
}

const attemptsMax = 5;

/** A call whose answer had begun when the connection broke. */
class AnswerCut extends Error {}

/** gRPC as it comes: every address is used in turn, and calls are retried by gRPC's own policy. */
export function grpcOver(addresses: readonly string[]): RetryingClient {
  const retryPolicy = {
    maxAttempts: attemptsMax,
    initialBackoff: "0.2s",
    maxBackoff: "2s",
    backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const client = new Client(`ipv4:${addresses.join(",")}`, credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify({
      loadBalancingConfig: [{ round_robin: {} }],
      methodConfig: [{ name: [{}], retryPolicy }],
    }),
  });
  const ask: RetryingClient["call"] = (method, request) =>
    new Promise((resolve, reject) => {
      let hasBegun = false;
      const call = client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        Buffer.from,
        (answer: Buffer) => answer,
        toBinary(method.input, create(method.input, request)),
        (error: ServiceError | null, answer?: Buffer) => {
          if (error === null) resolve(fromBinary(method.output, answer ?? Buffer.alloc(0)));
          else reject(hasBegun && error.code === status.UNAVAILABLE ? new AnswerCut() : error);
        },
      );
      call.on("metadata", () => {
        hasBegun = true;
      });
    });
  return {
    isInternal: true,
    async call(method, request) {
      try {
        return await ask(method, request);
      } catch (error) {
        // gRPC leaves it to its caller whether to repeat a call whose answer has begun.
        if (!(error instanceof AnswerCut)) throw error;
        return await ask(method, request);
      }
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** Connect over HTTP/1.1 to a balancer, with a back-off of the client's own. */
export function connectOver(baseUrl: string): RetryingClient {
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1" });
  return {
    isInternal: false,
    async call(method, request) {
      const backoff = createBackoff();
      for (let attempt = 1; ; attempt++) {
        try {
          const { message } = await transport.unary(method, undefined, 5_000, undefined, request);
          return message;
        } catch (error) {
          if (attempt === attemptsMax || !isPassing(error)) throw error;
          await delay(backoff.nextMs());
        }
      }
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** The service asks for it, or something on the way to it broke: it gives a reason for all else. */
function isPassing(error: unknown): boolean {
  const fault = ConnectError.from(error);
  return fault.code === Code.Unavailable || fault.findDetails(ErrorInfoSchema).length === 0;
}
