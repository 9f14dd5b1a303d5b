import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { type ErrorInfo, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";

export const leases: typeof ControllerLease.method = ControllerLease.method;
export const registry: typeof FastPathRegistry.method = FastPathRegistry.method;

/** What came of a call: nothing, when the service was killed before it said anything. */
export type Reply<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "refused"; readonly reason: string; readonly endedBy: string }
  | { readonly kind: "unanswered" };

/** Calls the internal door at so little cost that the service, not the caller, is what is busy. */
export class Caller implements Disposable {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
  }

  /** Rejects on what is neither answer, refusal nor silence: a bug of the service or of its caller. */
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<Reply<MessageShape<O>>> {
    const bytes = toBinary(method.input, create(method.input, request));
    const path = `/${method.parent.typeName}/${method.name}`;
    return new Promise((resolve, reject) => {
      const onReply = (error: ServiceError | null, answer?: Buffer): void => {
        if (error === null && answer !== undefined) {
          resolve({ kind: "answered", value: fromBinary(method.output, answer) });
          return;
        }
        const info = error === null ? undefined : errorInfoOf(error);
        if (info !== undefined) {
          const { reason, metadata } = info;
          resolve({ kind: "refused", reason, endedBy: metadata.ended_by ?? "" });
        } else if (error !== null && cutOff.includes(error.code)) {
          resolve({ kind: "unanswered" });
        } else {
          reject(error ?? new Error(`${path} was answered with nothing`));
        }
      };
      this.#client.makeUnaryRequest(path, asBuffer, unchanged, bytes, onReply);
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

const cutOff: readonly status[] = [status.UNAVAILABLE, status.CANCELLED];

function errorInfoOf(error: ServiceError): ErrorInfo | undefined {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Uint8Array)) return undefined;
  for (const detail of fromBinary(StatusSchema, bytes).details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) return info;
  }
  return undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

function unchanged(bytes: Buffer): Buffer {
  return bytes;
}
