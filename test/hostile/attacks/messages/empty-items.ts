import { gzipSync } from "node:zlib";

import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { pathOf } from "../../tools/messages.ts";

/** Whatever repeats, by the path of the method that takes it, with the tag of its field. */
const repeated = [
  ["watchTransport", 0x0a],
  ["watchTransport", 0x1a],
  ["keepAlive", 0x0a],
  ["attachSession", 0x1a],
  ["revokeLeases", 0x22],
] as const;

const messageBytes = 1_048_576;

export const emptyItemsGrpc: Attack = {
  name: "empty-items-grpc",
  sends: "524,288 empty items in each repeated field that there is, gzipped to 1 kB, by gRPC",
  right: "counted before they are parsed, and refused",
  form: "long",
  refusedAs: ["FIELD_INVALID", "TOO_MANY"],
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    const calls = repeated.map(
      ([method, tag]) =>
        [pathOf(method), gzipSync(Buffer.alloc(messageBytes, Buffer.of(tag, 0)))] as const,
    );
    await untilOver(8, signal, async (index) => {
      const [path, body] = calls[index % calls.length] ?? calls[0] ?? ["", Buffer.alloc(0)];
      const stream = caller.open(path, { "grpc-encoding": "gzip" });
      stream.end(enveloped(body, 1));
      stream.resume();
      setTimeout(() => stream.close(), 2_000);
      await new Promise<void>((resolve) => stream.once("close", () => resolve()));
    });
  },
};

const jsonFields = [
  ["watchTransport", '{"sessionIds":[', '"",'],
  ["watchTransport", '{"knownVersions":{', '"":0,'],
  ["revokeLeases", '{"leaseIds":[', '"",'],
] as const;

export const emptyItemsJson: Attack = {
  name: "empty-items-json",
  sends: "as many empty items as a megabyte of JSON holds in repeated fields, gzipped, by Connect",
  right: "counted before they are parsed, and refused",
  form: "full",
  refusedAs: ["FIELD_INVALID", "TOO_MANY"],
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 8);
    const calls = jsonFields.map(([method, begin, item]) => {
      const end = begin.endsWith("{") ? '"z":0}}' : '""]}';
      const items = item.repeat(Math.floor((messageBytes - 100) / item.length));
      const isStream = method === "watchTransport";
      const zipped = gzipSync(`${begin}${items}${end}`);
      return {
        path: pathOf(method),
        body: isStream ? enveloped(zipped, 1) : zipped,
        headers: isStream
          ? { "content-type": "application/connect+json", "connect-content-encoding": "gzip" }
          : { "content-type": "application/json", "content-encoding": "gzip" },
      };
    });
    await untilOver(8, signal, (index) => caller.call(calls[index % calls.length] ?? { path: "" }));
  },
};
