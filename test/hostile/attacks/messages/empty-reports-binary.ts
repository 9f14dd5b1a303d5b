import { gzipSync } from "node:zlib";

import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { pathOf } from "../../tools/messages.ts";

/** 524,288 times the field `reports` with nothing in it. */
const body = gzipSync(Buffer.alloc(1_048_576, Buffer.of(0x0a, 0x00)));
const path = pathOf("reportTransport");
const refusedAs = ["FIELD_INVALID", "TOO_MANY"];

export const emptyReportsBinary: Attack = {
  name: "empty-reports-binary",
  sends:
    "ReportTransport with 524,288 empty reports in binary, gzipped to 1 kB, 8 at once, by Connect",
  right: "counted before it is parsed, and refused",
  form: "full",
  refusedAs,
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 8);
    const headers = { "content-type": "application/proto", "content-encoding": "gzip" };
    await untilOver(8, signal, () => caller.call({ path, headers, body }));
  },
};

export const emptyReportsGrpc: Attack = {
  name: "empty-reports-grpc",
  sends: "ReportTransport with 524,288 empty reports, gzipped to 1 kB, 8 at once, by gRPC",
  right: "counted before it is parsed, and refused",
  form: "long",
  refusedAs,
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await untilOver(8, signal, async () => {
      const stream = caller.open(path, { "grpc-encoding": "gzip" });
      stream.end(enveloped(body, 1));
      stream.resume();
      await new Promise<void>((resolve) => stream.once("close", () => resolve()));
    });
  },
};

export const emptyReportsGrpcWeb: Attack = {
  name: "empty-reports-grpc-web",
  sends: "ReportTransport with 524,288 empty reports, gzipped to 1 kB, 8 at once, by gRPC-Web",
  right: "counted before it is parsed, and refused",
  form: "full",
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 8);
    const headers = { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" };
    await untilOver(8, signal, () => caller.call({ path, headers, body: enveloped(body, 1) }));
  },
};
