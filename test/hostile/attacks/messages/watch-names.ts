import { WatchTransportRequestSchema } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { atOnce, holdOn } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { attackedBeach } from "../../tools/sessions.ts";

const right = "names over all streams of a connection, and of the process, are bounded";
const path = pathOf("watchTransport");

function names(stream: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `unknown-${stream}-${index}`);
}

function known(stream: number, count: number): Record<string, bigint> {
  return Object.fromEntries(names(stream, count).map((name) => [name, 1n]));
}

export const watchNamesGrpc: Attack = {
  name: "watch-names-grpc",
  sends: "2000 gRPC watches of 1000 session ids each that nobody knows, on one connection",
  right,
  form: "short",
  needs: { outcome: "asked", times: 1_000 },
  refusedAs: ["TOO_MANY"],
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await atOnce(20, 2_000, signal, async (index) => {
      const stream = caller.open(path);
      const sessionIds = names(index, 1_000);
      stream.end(enveloped(bytesOf(WatchTransportRequestSchema, { sessionIds })));
      outcomes.see("asked");
      stream.resume();
    });
    await holdOn(signal);
  },
};

export const watchNamesConnect: Attack = {
  name: "watch-names-connect",
  sends: "2500 Connect watches of 1000 session ids each that nobody knows, on a connection each",
  right,
  form: "full",
  needs: { outcome: "asked", times: 2_500 },
  refusedAs: ["TOO_MANY"],
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 2_500);
    const headers = { "content-type": "application/connect+proto" };
    await atOnce(20, 2_500, signal, async (index) => {
      const sessionIds = names(index, 1_000);
      const body = enveloped(bytesOf(WatchTransportRequestSchema, { sessionIds }));
      outcomes.see("asked");
      const answer = await caller.open({ path, headers, body });
      // A refusal stands in the stream.
      answer?.on("data", (bytes: Buffer) => {
        if (bytes.includes("TOO_MANY")) outcomes.see("TOO_MANY");
      });
    });
    await holdOn(signal);
  },
};

export const knownVersions: Attack = {
  name: "known-versions",
  sends: "300 gRPC watches of a beach, with 10,000 versions each that they claim to know",
  right,
  form: "long",
  attaches: 1,
  keeps: { outcome: "attached", bytesEach: 6_000 },
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    const knownVersions = known(0, 10_000);
    const request = { privateBeachId: attackedBeach, knownVersions };
    const message = enveloped(bytesOf(WatchTransportRequestSchema, request));
    await atOnce(10, 300, signal, async () => {
      const stream = caller.open(path);
      stream.end(message);
      stream.resume();
    });
    await holdOn(signal);
  },
};

export const knownVersionsJson: Attack = {
  name: "known-versions-json",
  sends: "the same 300 by Connect with JSON, on a connection each",
  right,
  form: "full",
  attaches: 1,
  keeps: { outcome: "attached", bytesEach: 6_000 },
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 300);
    const versions = Object.fromEntries(names(0, 10_000).map((name) => [name, "1"]));
    const message = JSON.stringify({ privateBeachId: attackedBeach, knownVersions: versions });
    const headers = { "content-type": "application/connect+json" };
    const body = enveloped(Buffer.from(message));
    await atOnce(10, 300, signal, async () => {
      (await caller.open({ path, headers, body }))?.resume();
    });
    await holdOn(signal);
  },
};
