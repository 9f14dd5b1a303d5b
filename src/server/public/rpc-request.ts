import type { IncomingMessage } from "node:http";

import type { DescMethod } from "@bufbuild/protobuf";

import { refusedRequest } from "../json-refusal.ts";
import type { ServedService } from "../served-service.ts";

const json = "json(?:; ?charset=utf-?8)?";
const grpcTypes = new RegExp(`^application/grpc(?:-web)?(?:\\+(?:proto|${json}))?$`, "i");
const unaryTypes = new RegExp(`^application/(?:proto|${json})$`, "i");
const streamTypes = new RegExp(`^application/connect\\+(?:proto|${json})$`, "i");

/** The rpcs of the door, by the path at which each is called. */
export function rpcsByPath(services: readonly ServedService[]): ReadonlyMap<string, DescMethod> {
  const methods = services.flatMap(({ service }) => service.methods);
  return new Map(methods.map((method) => [`/${method.parent.typeName}/${method.name}`, method]));
}

/** Throws, in words, for what the stack refuses with a status alone. */
export function admitRpc(
  { name, methodKind }: DescMethod,
  {
    method,
    httpVersionMajor,
    headers,
  }: Pick<IncomingMessage, "method" | "httpVersionMajor" | "headers">,
): void {
  if (methodKind === "bidi_streaming" && httpVersionMajor < 2) {
    throw refusedRequest(505, `${name} must be called over HTTP/2`);
  }
  if (method !== "POST") throw refusedRequest(405, "the method must be POST");
  const contentType = headers["content-type"] ?? "";
  const types = methodKind === "unary" ? unaryTypes : streamTypes;
  if (types.test(contentType) || grpcTypes.test(contentType)) return;
  const connect = methodKind === "unary" ? "application/" : "application/connect+";
  throw refusedRequest(
    415,
    `"content-type" must be ${connect}json, ${connect}proto or application/grpc-web+proto`,
  );
}
