import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import {
  ControllerLease,
  KeepAliveRequestSchema,
  KeepAliveResponseSchema,
  RenewRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";

/** One call that is made again and again, with these bodies in turn. */
export interface Calls {
  readonly url: string;
  readonly protocol: "http/1.1" | "http/2";
  readonly contentType: "application/grpc" | "application/proto";
  readonly bodies: readonly Buffer[];
  /** Whether a message of the answers says that all was renewed. */
  readonly isRenewed?: (message: Uint8Array) => boolean;
}

/** Calls on one connection, with none of the stacks under measurement. */
export interface Caller extends Disposable {
  /** Rejects unless the answer is a success. */
  call(body: Buffer): Promise<void>;
}

export interface LeaseOnHand {
  readonly sessionId: string;
  readonly token: string;
  readonly handshakeId: string;
}

/** Where a server is called: over gRPC, or as Connect in clear and over TLS. */
export interface Doors {
  readonly grpc: string;
  readonly connect?: string | undefined;
  readonly connectTls?: string | undefined;
}

export const renewPath: string = `/${ControllerLease.typeName}/Renew`;
export const keepAlivePath: string = `/${ControllerLease.typeName}/KeepAlive`;

/** Renewals of each lease in turn, a call each. */
export function renewCalls(doors: Doors, door: keyof Doors, leases: readonly LeaseOnHand[]): Calls {
  const messages = leases.map((lease) =>
    toBinary(RenewRequestSchema, create(RenewRequestSchema, renewal(lease))),
  );
  const address = doors[door] ?? "";
  return door === "grpc"
    ? {
        url: `http://${address}${renewPath}`,
        protocol: "http/2",
        contentType: "application/grpc",
        bodies: messages.map((message) => enveloped(message)),
      }
    : {
        url: `${door === "connectTls" ? "https" : "http"}://${address}${renewPath}`,
        protocol: door === "connectTls" ? "http/2" : "http/1.1",
        contentType: "application/proto",
        bodies: messages.map((message) => Buffer.from(message)),
      };
}

/** One KeepAlive, and messages on it with so many renewals each. */
export function keepAliveCalls(doors: Doors, leases: readonly LeaseOnHand[], batch: number): Calls {
  const renewals = Array.from({ length: Math.max(batch, leases.length) }, (_, index) =>
    renewal(leases[index % leases.length]),
  );
  const messages = Array.from({ length: Math.floor(renewals.length / batch) }, (_, index) => {
    const some = renewals.slice(index * batch, (index + 1) * batch);
    return toBinary(KeepAliveRequestSchema, create(KeepAliveRequestSchema, { renewals: some }));
  });
  return {
    url: `http://${doors.grpc}${keepAlivePath}`,
    protocol: "http/2",
    contentType: "application/grpc",
    bodies: messages.map((message) => enveloped(message)),
    isRenewed: (message) =>
      fromBinary(KeepAliveResponseSchema, message).results.every(({ refusal }) => refusal === ""),
  };
}

function renewal(lease: LeaseOnHand | undefined): { sessionId: string; controllerToken: string } {
  return { sessionId: lease?.sessionId ?? "", controllerToken: lease?.token ?? "" };
}
