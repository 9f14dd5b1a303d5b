import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";

/** The path of a method of ours, on both doors. */
export function pathOf(
  method: keyof typeof ControllerLease.method | keyof typeof FastPathRegistry.method,
): string {
  const { parent, name } =
    method in ControllerLease.method
      ? ControllerLease.method[method as keyof typeof ControllerLease.method]
      : FastPathRegistry.method[method as keyof typeof FastPathRegistry.method];
  return `/${parent.typeName}/${name}`;
}

export const healthPath = "/grpc.health.v1.Health/";
export const reflectionPath = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

export function bytesOf<Desc extends DescMessage>(
  desc: Desc,
  message: MessageInitShape<Desc>,
): Uint8Array {
  return toBinary(desc, create(desc, message));
}
